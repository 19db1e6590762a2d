// One page without a server: Chromium opens it as a file's contents served by `run`.
export default {base: './', build: {outDir: 'dist', chunkSizeWarningLimit: 1e5}, oxc: {jsx: {runtime: 'automatic'}}};
