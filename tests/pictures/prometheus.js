// The queries of a panel, asked of Prometheus, as Grafana's data frames.
import {FieldType, createDataFrame, renderLegendFormat} from '@grafana/data';

const escape = (value) => value.replace(/\\/g, '\\\\\\\\').replace(/[$^*{}[\]'+?.()|]/g, '\\\\$&');
const choice = (values) => (values.length === 1 ? escape(values[0]) : `(${values.map(escape).join('|')})`);

export class Prometheus {
  /** `range`: {from, to} in seconds; `chosen`: variable to list of values, an empty one is All. */
  constructor(address, range, chosen) {
    Object.assign(this, {address, range, chosen});
  }

  async api(path, parameters) {
    const answer = await fetch(`${this.address}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const {data, error} = await answer.json();
    if (error) throw new Error(`${error}: ${JSON.stringify(parameters)}`);
    return data;
  }

  /** Gives each variable its value, as the dashboard says: All is its own value or a list of all. */
  async choose(dashboard) {
    this.values = {__range: `${this.range.to - this.range.from}s`, __rate_interval: '60s'};
    for (const variable of dashboard.templating.list) {
      const chosen = this.chosen[variable.name] ?? [];
      if (variable.type === 'custom') this.values[variable.name] = chosen[0] ?? variable.current.value;
      if (variable.type !== 'query') continue;
      const [, selector, label] = variable.query.query.match(/^label_values\((.*), (\w+)\)$/);
      const all = () => this.api(`label/${label}/values`, {'match[]': this.interpolate(selector)});
      const every = variable.allValue ?? choice(await all());
      this.values[variable.name] = chosen.length ? choice(chosen) : every;
    }
  }

  interpolate(expression) {
    return expression.replace(/\$(\w+)/g, (whole, name) => this.values[name] ?? whole);
  }

  /** Frames for all queries of a panel that is `width` pixels wide. */
  async frames(panel, width) {
    const several = panel.targets.length > 1;
    const frames = await Promise.all(
      panel.targets.map(async (target) => {
        const query = this.interpolate(target.expr);
        const {from, to} = this.range;
        const step = Math.max(5, Math.ceil((to - from) / width));
        const {result} = target.instant
          ? await this.api('query', {query, time: to})
          : await this.api('query_range', {query, start: from - (from % step), end: to, step});
        if (target.format === 'table') return [table(result, target.refId, to, several)];
        return result.map((series) => line(series, target, from - (from % step), to, step));
      })
    );
    return frames.flat();
  }
}

const number = (text) => (text === 'NaN' ? null : Number(text));

function line({metric, values, value}, target, from, to, step) {
  const found = new Map((values ?? [value]).map(([time, text]) => [time, number(text)]));
  const times = values ? Array.from({length: Math.floor((to - from) / step) + 1}, (_, i) => from + i * step) : [value[0]];
  const name = target.legendFormat ? renderLegendFormat(target.legendFormat, metric) : target.refId;
  const {__name__, ...labels} = metric;
  return createDataFrame({
    refId: target.refId,
    name,
    fields: [
      {name: 'Time', type: FieldType.time, config: {interval: step * 1000}, values: times.map((time) => time * 1000)},
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        config: {displayNameFromDS: name},
        values: times.map((time) => found.get(time) ?? null),
      },
    ],
  });
}

function table(result, refId, time, several) {
  const labels = [...new Set(result.flatMap(({metric}) => Object.keys(metric)))].sort();
  const strings = labels.map((name) => ({
    name,
    type: FieldType.string,
    config: {filterable: true},
    values: result.map(({metric}) => metric[name] ?? ''),
  }));
  const values = result.map(({value}) => number(value[1]));
  const value = {name: several ? `Value #${refId}` : 'Value', type: FieldType.number, config: {}, values};
  const times = {name: 'Time', type: FieldType.time, config: {}, values: result.map(() => time * 1000)};
  return createDataFrame({refId, fields: [times, ...strings, value]});
}
