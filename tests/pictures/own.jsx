// The two kinds of panel whose drawing is not in Grafana's packages: drawn here, with its colours, words and units.
import {FieldType, getValueFormat, formattedValueToString} from '@grafana/data';
import {interpolateOranges, interpolateBlues} from 'd3-scale-chromatic';
import {useLayoutEffect, useRef} from 'react';

const AXIS = 22;

function Canvas({width, height, draw}) {
  const reference = useRef(null);
  useLayoutEffect(() => {
    const context = reference.current.getContext('2d');
    context.font = '12px Inter, Helvetica, Arial, sans-serif';
    context.textBaseline = 'middle';
    draw(context);
  });
  return <canvas ref={reference} width={width} height={height} style={{display: 'block'}} />;
}

/** Times below, and the function from a time to its x. */
function axis(context, {theme, timeRange, width, height}, left) {
  const [from, to] = [timeRange.from.valueOf(), timeRange.to.valueOf()];
  const x = (time) => left + ((time - from) / (to - from)) * (width - left - 4);
  const minutes = [1, 2, 5, 10, 15, 30, 60, 120].find((step) => (to - from) / 60000 / step < width / 90) ?? 360;
  context.fillStyle = theme.colors.text.secondary;
  context.textAlign = 'center';
  for (let time = Math.ceil(from / 60000 / minutes) * 60000 * minutes; time < to; time += 60000 * minutes)
    context.fillText(new Date(time).toISOString().slice(11, 16), x(time), height - AXIS / 2);
  return x;
}

const shorten = (context, text, width) => {
  let shown = text;
  while (shown && context.measureText(shown).width > width) shown = shown.slice(0, -1);
  return shown === text ? text : shown.slice(0, -1) + '…';
};

export function StateTimeline({series, ...common}) {
  const {theme, height, width} = common;
  const draw = (context) => {
    const left = Math.min(240, Math.max(...series.map(({name}) => context.measureText(name).width)) + 12);
    const x = axis(context, common, left);
    const row = (height - AXIS) / series.length;
    series.forEach(({name, times, field}, i) => {
      const middle = (i + 0.5) * row;
      context.textAlign = 'right';
      context.fillStyle = theme.colors.text.primary;
      context.fillText(shorten(context, name, left - 8), left - 8, middle);
      context.textAlign = 'left';
      const {values} = field;
      for (let start = 0, end; start < values.length; start = end) {
        for (end = start + 1; end < values.length && values[end] === values[start]; end++);
        if (values[start] === null) continue;
        const {text, color} = field.display(values[start]);
        const [a, b] = [x(times[start]), x(times[Math.min(end, times.length - 1)])];
        context.fillStyle = color;
        context.fillRect(a, middle - row * 0.425, b - a, row * 0.85);
        context.fillStyle = theme.colors.getContrastText(color);
        if (row > 12 && context.measureText(text).width < b - a - 8) context.fillText(text, a + 5, middle);
      }
    });
  };
  return <Canvas width={width} height={height} draw={draw} />;
}

export function Heatmap({panel, frames, ...common}) {
  const {theme, height, width} = common;
  const scheme = {Oranges: interpolateOranges, Blues: interpolateBlues}[panel.options.color.scheme];
  const unit = getValueFormat(panel.options.yAxis.unit);
  const rows = frames
    .map(({fields: [{values: times}, {labels, values}]}) => ({le: Number(labels.le.replace('+Inf', 'Infinity')), times, values}))
    .sort((a, b) => a.le - b.le);
  // Buckets of a histogram hold all smaller ones, too.
  const own = rows.map(({values}, i) => values.map((value, j) => (value === null ? null : value - (rows[i - 1]?.values[j] ?? 0))));
  const most = Math.max(...own.flat());
  const draw = (context) => {
    const left = 56;
    const x = axis(context, common, left);
    const row = (height - AXIS) / rows.length;
    rows.forEach(({le, times}, i) => {
      const top = (rows.length - 1 - i) * row;
      context.textAlign = 'right';
      context.fillStyle = theme.colors.text.secondary;
      if (row > 11 || i % 2 === 0) context.fillText(le === Infinity ? '+Inf' : formattedValueToString(unit(le)), left - 6, top + row / 2);
      own[i].forEach((value, j) => {
        if (!(value > panel.options.filterValues.le) || j === 0) return;
        context.fillStyle = scheme(0.95 - 0.8 * (value / most) ** panel.options.color.exponent);
        const [a, b] = [x(times[j - 1]), x(times[j])];
        context.fillRect(a, top, b - a > 4 ? b - a - 1 : b - a + 0.5, row - 1);
      });
    });
  };
  return <Canvas width={width} height={height} draw={draw} />;
}
