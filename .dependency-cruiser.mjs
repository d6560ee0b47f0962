/** Keeps imports running one way through the house: contract ← rules ← … ← main, and widget → contract only. */

/** Left to right: a place may import what stands left of it, and itself; places that share a step may not import each other. */
const STEPS = [
  ['contract'],
  ['rules'],
  ['auth', 'database', 'import', 'nodes', 'pictures', 'scan', 'storage', 'webhooks'],
  ['sharing', 'backup'],
  ['upload', 'http', 'realtime', 'jobs', 'metrics', 'tracing'],
  ['compose'],
  ['commands'],
  ['main', 'run-main', 'chatdrop', 'built-main', 'executable-main'],
  ['build'],
];

/** Files beside the steps: reading the settings stands next to `rules`, `assets.ts` next to `sharing`. */
const READING_SETTINGS = ['config', 'settings', 'config-values'];
const BESIDE = {
  config: ['contract', 'rules', 'settings', 'config-values'],
  settings: ['contract', 'rules', 'config-values'],
  'config-values': ['contract', 'rules'],
  // What the single executable carries: nothing of it knows what the server does.
  embedded: [],
  // The entries of what is built run a script, and know nothing of what is in it.
  prepared: [],
  'right-node': [],
  'chatdrop-built': ['prepared', 'right-node'],
  'chatdrop-executable': ['prepared', 'embedded'],
  assets: ['contract', 'rules', 'embedded'],
  // A client of the server, for other people's backends: it knows what crosses the wire, and no part of the server knows it.
  client: ['contract'],
};
const MAY_IMPORT_EMBEDDED = ['pictures', 'commands', 'executable-main', 'build'];
const MAY_IMPORT_ASSETS = ['http', 'compose', 'commands', 'main', 'chatdrop'];

const steps = STEPS.flatMap((places, step) => places.map((place) => ({ place, step })));
const pathOf = (place) => `^server/${place}(/|\\.[jt]s$)`;
const anyOf = (places) => places.map(pathOf).join('|');
const placesLeftOf = (step) => steps.filter((other) => other.step < step).map((other) => other.place);

const stepRules = steps.map(({ place, step }) => {
  const allowed = [place, ...placesLeftOf(step)];
  if (step > 1) allowed.push(...READING_SETTINGS);
  if (MAY_IMPORT_ASSETS.includes(place)) allowed.push('assets');
  if (MAY_IMPORT_EMBEDDED.includes(place)) allowed.push('embedded');
  if (place === 'run-main') allowed.push('main');
  if (place === 'chatdrop') allowed.push('run-main', 'right-node');
  if (place === 'built-main') allowed.push('run-main');
  if (place === 'build') allowed.push('prepared', 'right-node');
  if (place === 'executable-main') allowed.push('run-main', 'pictures');
  return {
    name: `server-${place}`,
    comment: `server/${place} may import only: ${allowed.join(', ')}`,
    severity: 'error',
    from: { path: pathOf(place) },
    to: { path: '^server/', pathNot: anyOf(allowed) },
  };
});

const besideRules = Object.entries(BESIDE).map(([place, allowed]) => ({
  name: `server-${place}`,
  comment: `server/${place}.ts may import only: ${allowed.join(', ')}`,
  severity: 'error',
  from: { path: pathOf(place) },
  to: { path: '^server/', pathNot: anyOf([place, ...allowed]) },
}));

export default {
  forbidden: [
    ...stepRules,
    ...besideRules,
    {
      name: 'config-is-types-only',
      comment:
        'only main and compose run config.ts; everything else imports its types (commands read values as it does)',
      severity: 'error',
      from: { path: '^server/', pathNot: anyOf(['main', 'compose', ...READING_SETTINGS]) },
      to: { path: anyOf(READING_SETTINGS), dependencyTypesNot: ['type-only'], pathNot: pathOf('config-values') },
    },
    {
      name: 'values-are-read-by-settings-and-commands',
      severity: 'error',
      from: { path: '^server/', pathNot: anyOf(['main', 'compose', 'commands', ...READING_SETTINGS]) },
      to: { path: pathOf('config-values'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'server-place',
      comment: 'a new folder or file of server/ needs its place in .dependency-cruiser.mjs',
      severity: 'error',
      from: { path: '^server/', pathNot: anyOf([...steps.map(({ place }) => place), ...Object.keys(BESIDE)]) },
      to: {},
    },
    {
      name: 'contract-imports-nothing',
      comment: 'the contract is bundled into the widget: no package, no Node',
      severity: 'error',
      from: { path: pathOf('contract') },
      to: { pathNot: pathOf('contract') },
    },
    {
      name: 'server-stays-in-server',
      severity: 'error',
      from: { path: '^server/' },
      to: { path: '^(widget|test)/' },
    },
    {
      name: 'migrations-are-run-by-database',
      severity: 'error',
      from: { path: '^server/', pathNot: anyOf(['database', 'compose', 'main', 'build']) },
      to: { path: '^migrations/' },
    },
    {
      name: 'migrations-stand-alone',
      comment: 'a migration must mean the same in a year: nothing of server/ in it',
      severity: 'error',
      from: { path: '^migrations/' },
      to: { path: '^(server|widget|test)/' },
    },
    {
      name: 'widget-knows-the-contract-only',
      severity: 'error',
      from: { path: '^widget/' },
      to: { path: '^(server|migrations|test)/', pathNot: pathOf('contract') },
    },
    {
      name: 'core-without-ui',
      comment: 'widget/core is the headless entry: no DOM parts',
      severity: 'error',
      from: { path: '^widget/core/' },
      to: { path: '^widget/(?!core/)' },
    },
    {
      name: 'words-without-ui',
      comment: 'core ← words ← ui ← pages: words speak of the core, and are read by whatever draws it',
      severity: 'error',
      from: { path: '^widget/words/' },
      to: { path: '^widget/(?!words/|core/)' },
    },
    {
      name: 'ui-without-pages',
      severity: 'error',
      from: { path: '^widget/ui/' },
      to: { path: '^widget/(pages|element|loader)/' },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'server-runs-on-dependencies',
      comment: 'what the server needs at run time is a dependency, not a devDependency',
      severity: 'error',
      from: { path: '^(server|migrations)/', pathNot: pathOf('build') },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'listed-packages-only',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // TypeScript 7 has no JS API; swc reads the same syntax and tells type imports from others.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
