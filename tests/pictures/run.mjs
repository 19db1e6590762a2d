// Pictures of the three dashboards, by Chromium, in docs/pictures/: node run.mjs PROMETHEUS FROM TO [VARIABLE=VALUE...]
// Times are Unix seconds; the variables are for the target's dashboard.
import {execFileSync, spawn} from 'node:child_process';
import {createReadStream, mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:http';
import {tmpdir} from 'node:os';
import {extname, join, normalize} from 'node:path';

const [prometheus, from, to, ...choices] = process.argv.slice(2);
const here = import.meta.dirname;
const kinds = {'.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json'};
const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  const file = path.startsWith('/pbx-') ? join(here, '../../dashboards', path) : join(here, 'dist', path);
  response.setHeader('content-type', kinds[extname(file)] ?? 'application/octet-stream');
  createReadStream(file).on('error', () => response.writeHead(404).end()).pipe(response);
});
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));

for (const name of ['fleet', 'target', 'exporter']) {
  const {panels} = JSON.parse(readFileSync(join(here, `../../dashboards/pbx-${name}.json`)));
  const height = Math.max(...panels.map(({gridPos}) => gridPos.y + gridPos.h)) * 38 + 64;
  const query = new URLSearchParams({dashboard: `/pbx-${name}.json`, prometheus, from, to});
  for (const [variable, value] of choices.map((choice) => choice.split('=')))
    if (name === 'target') query.append(`var-${variable}`, value);
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  const flags = ['headless', 'no-sandbox', 'disable-gpu', 'disable-quic', 'no-first-run', 'hide-scrollbars'];
  flags.push('disable-background-networking', 'disable-component-update', 'disable-sync', `user-data-dir=${profile}`);
  flags.push(`window-size=1608,${height}`, 'virtual-time-budget=20000', `screenshot=${join(here, `../../docs/pictures/pbx-${name}.png`)}`);
  const page = `http://127.0.0.1:${server.address().port}/index.html?${query}`;
  const chromium = spawn('chromium', [...flags.map((flag) => `--${flag}`), page], {stdio: ['ignore', 'ignore', 'pipe']});
  let said = '';
  chromium.stderr.on('data', (data) => (said += data));
  const code = await new Promise((ended) => chromium.on('exit', ended));
  rmSync(profile, {recursive: true, force: true});
  if (code !== 0) throw new Error(said);
}
server.close();
