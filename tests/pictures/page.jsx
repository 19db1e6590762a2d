// One dashboard as a page: Grafana's own components draw, but for the two kinds of panel that its packages lack
// (own.jsx). Its address says all: ?dashboard=FILE&prometheus=URL&from=SECONDS&to=SECONDS&var-NAME=VALUE...
import {
  FieldConfigOptionsRegistry,
  FieldType,
  ThemeContext,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  displayNameOverrideProcessor,
  getDisplayProcessor,
  getFieldDisplayName,
  identityOverrideProcessor,
  reduceField,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
  VizOrientation,
} from '@grafana/data';
import {initPluginTranslations} from '@grafana/i18n';
import {BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries} from '@grafana/ui';
import {TableNG} from '@grafana/ui/unstable';
import {useEffect, useState} from 'react';
import {createRoot} from 'react-dom/client';
import {firstValueFrom} from 'rxjs';
import {Heatmap, StateTimeline} from './own.jsx';
import {Prometheus} from './prometheus.js';

const COLUMN = 1600 / 24;
const ROW = 38;
const GAP = 8;
const theme = createTheme({colors: {mode: 'dark'}});
const parameters = new URLSearchParams(location.search);
const range = {from: Number(parameters.get('from')), to: Number(parameters.get('to'))};
const chosen = {};
for (const [name, value] of parameters) if (name.startsWith('var-')) (chosen[name.slice(4)] ??= []).push(value);

// Grafana's application has this registry; its packages do not.
const PROPERTIES = ['unit', 'min', 'max', 'decimals', 'noValue', 'color', 'thresholds', 'mappings', 'links'];
const CUSTOM = ['width', 'align', 'hidden', 'filterable', 'cellOptions', 'drawStyle', 'lineWidth', 'fillOpacity', 'showPoints'];
CUSTOM.push('stacking', 'lineStyle', 'axisPlacement', 'scaleDistribution', 'hideFrom', 'lineInterpolation', 'barAlignment');
const property = (path, isCustom, process = identityOverrideProcessor) => ({
  id: isCustom ? `custom.${path}` : path,
  path,
  isCustom,
  name: path,
  process,
  shouldApply: () => true,
});
const fieldConfigRegistry = new FieldConfigOptionsRegistry(() => [
  property('displayName', false, displayNameOverrideProcessor),
  ...PROPERTIES.map((path) => property(path, false)),
  ...CUSTOM.map((path) => property(path, true)),
]);

// What Grafana's panels take where a dashboard says nothing.
const DEFAULTS = {
  timeseries: {drawStyle: 'line', lineInterpolation: 'linear', barAlignment: 0, axisPlacement: 'auto', pointSize: 5},
  table: {cellOptions: {type: 'auto'}, inspect: false},
};

async function load(panel, prometheus) {
  const width = panel.gridPos.w * COLUMN - GAP;
  let frames = await prometheus.frames(panel, width);
  frames = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames));
  // Grafana 13 migrates what 10 calls hidden.
  const {defaults, overrides} = JSON.parse(
    JSON.stringify(panel.fieldConfig).replaceAll('"id":"custom.hidden","value":true', '"id":"custom.hideFrom","value":{"viz":true}')
  );
  const custom = {...DEFAULTS[panel.type], hideFrom: {}, ...defaults.custom};
  const color = {mode: panel.type === 'table' ? 'thresholds' : 'palette-classic'};
  const thresholds = {mode: 'absolute', steps: [{color: 'green', value: -Infinity}]};
  const fieldConfig = {defaults: {color, thresholds, ...defaults, custom}, overrides};
  for (const one of [fieldConfig.defaults, ...overrides.map((o) => o.properties.find((p) => p.id === 'thresholds')?.value)])
    for (const step of (one?.thresholds ?? one)?.steps ?? []) step.value ??= -Infinity;
  frames = applyFieldOverrides({data: frames, fieldConfig, fieldConfigRegistry, theme, timeZone: 'utc', replaceVariables: (text) => text});
  cacheFieldDisplayNames(frames);
  return frames;
}

const values = (frames) =>
  frames.flatMap((frame) => frame.fields.filter(({type}) => type === FieldType.number).map((field) => [frame, field]));

function newest(frames) {
  return values(frames).map(([frame, field]) => {
    const display = field.display ?? getDisplayProcessor({field, theme});
    const {lastNotNull} = reduceField({field, reducers: ['lastNotNull']});
    return {...display(lastNotNull), title: getFieldDisplayName(field, frame, frames), field, display};
  });
}

function Content({panel, frames, width, height}) {
  const timeRange = {from: dateTime(range.from * 1000), to: dateTime(range.to * 1000)};
  timeRange.raw = timeRange;
  if (!values(frames).length && !frames.some((frame) => frame.length)) {
    const style = {height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary};
    return <div style={style}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>;
  }
  const common = {width, height, theme, timeRange};
  switch (panel.type) {
    case 'timeseries':
      return <TimeSeries {...common} frames={frames} legend={panel.options.legend} timeZone="utc" options={panel.options} structureRev={1} />;
    case 'table':
      return <TableNG {...common} data={frames[0]} sortBy={panel.options.sortBy} cellHeight="sm" enableVirtualization={false} />;
    case 'stat':
      return <BigValue {...common} value={newest(frames)[0]} colorMode="value" graphMode="none" textMode="value" justifyMode="auto" />;
    case 'bargauge': {
      const all = newest(frames);
      const one = Math.min(60, height / all.length);
      return all.map((value) => (
        <BarGauge key={value.title} width={width} height={one} theme={theme} field={value.field.config} display={value.display} value={value}
          orientation={VizOrientation.Horizontal} displayMode="basic" itemSpacing={8} showUnfilled text={{titleSize: 13, valueSize: 13}}
          alignmentFactors={{title: 'a'.repeat(24), text: '000.0 weeks'}} />
      ));
    }
    case 'state-timeline': {
      const name = ([frame, field]) => getFieldDisplayName(field, frame, frames);
      const series = values(frames).map((one) => ({name: name(one), times: one[0].fields[0].values, field: one[1]}));
      return <StateTimeline {...common} series={series} />;
    }
    case 'heatmap':
      return <Heatmap {...common} panel={panel} frames={frames} />;
    default:
      throw new Error(panel.type);
  }
}

function Dashboard({dashboard, prometheus}) {
  const [loaded, setLoaded] = useState({});
  const bottom = Math.max(...dashboard.panels.map(({gridPos}) => gridPos.y + gridPos.h));
  useEffect(() => {
    const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
    Promise.all(panels.map(async (panel) => [panel.id, await load(panel, prometheus)]))
      .then((all) => setLoaded(Object.fromEntries(all)))
      .catch(fail);
  }, []);
  useEffect(() => {
    if (Object.keys(loaded).length) document.title = `height ${document.getElementById('root').scrollHeight}`;
  }, [loaded]);
  return (
    <div style={{position: 'relative', width: 24 * COLUMN, height: bottom * ROW + 60}}>
      <Header dashboard={dashboard} values={prometheus.values} />
      {dashboard.panels.map((panel) => {
        const {x, y, w, h} = panel.gridPos;
        const place = {position: 'absolute', left: x * COLUMN, top: y * ROW + 56};
        const [width, height] = [w * COLUMN - GAP, h * ROW - GAP];
        if (panel.type === 'row') return <h5 key={panel.id} style={{...place, margin: '8px 4px'}}>⌄ {panel.title}</h5>;
        return (
          <div key={panel.id} style={place}>
            <PanelChrome title={panel.title} width={width} height={height}>
              {(width, height) => loaded[panel.id] && <Content panel={panel} frames={loaded[panel.id]} width={width} height={height} />}
            </PanelChrome>
          </div>
        );
      })}
    </div>
  );
}

function Header({dashboard, values}) {
  const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
  const box = {border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, padding: '3px 8px', marginLeft: 8};
  const named = dashboard.templating.list.filter(({name}) => name !== 'datasource');
  return (
    <div style={{display: 'flex', alignItems: 'center', height: 48, fontSize: 13}}>
      <h3 style={{margin: '0 16px 0 4px'}}>{dashboard.title}</h3>
      {named.map(({name, label, type}) => (
        <span key={name} style={box}>
          <span style={{color: theme.colors.text.secondary}}>{label} </span>
          {chosen[name]?.join(' + ') ?? (type === 'query' ? 'All' : values[name])}
        </span>
      ))}
      <span style={{...box, marginLeft: 'auto', marginRight: GAP}}>{clock(range.from)} to {clock(range.to)} UTC</span>
    </div>
  );
}

function fail(error) {
  document.title = 'failed';
  document.body.textContent = `${error.stack}`;
}
addEventListener('error', (event) => fail(event.error ?? new Error(event.message)));
addEventListener('unhandledrejection', (event) => fail(event.reason));

async function start() {
  await initPluginTranslations('render');
  const find = (id) => async () => Object.values(standardTransformers).find((one) => one.id === id);
  standardTransformersRegistry.setInit(() => ['merge', 'organize'].map((id) => ({id, name: id, transformation: find(id)})));
  const dashboard = await (await fetch(parameters.get('dashboard'))).json();
  const prometheus = new Prometheus(parameters.get('prometheus'), range, chosen);
  await prometheus.choose(dashboard);
  createRoot(document.getElementById('root')).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Dashboard dashboard={dashboard} prometheus={prometheus} />
    </ThemeContext.Provider>
  );
}
start().catch(fail);
