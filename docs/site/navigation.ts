/** The pages of the documentation, in their order, and where the text of each comes from. */

export type Entry = {
  /** Address below the site, without `.html`. */
  page: string;
  /** A Markdown file of the project, or a section of one by its anchor. */
  from: string;
  /** What the navigation calls it; the page's own heading if not set. */
  title?: string;
};
export type Group = { title: string; entries: readonly Entry[] };

/** A new `docs/*.md` gets its line here: a test looks. */
export const NAVIGATION: readonly Group[] = [
  {
    title: 'Getting started',
    entries: [
      { page: 'index', from: 'docs/README.md', title: 'Who are you?' },
      { page: 'getting-started/visitor', from: 'docs/getting-started/visitor.md', title: 'Visitor on a phone' },
      { page: 'getting-started/agent', from: 'docs/getting-started/agent.md', title: 'Agent with forty chats' },
      { page: 'getting-started/developer', from: 'docs/getting-started/developer.md', title: 'Developer' },
      { page: 'getting-started/operator', from: 'docs/getting-started/operator.md', title: 'Operator of one server' },
      { page: 'getting-started/company', from: 'docs/getting-started/company.md', title: 'Company with many nodes' },
    ],
  },
  {
    title: 'Build with it',
    entries: [
      { page: 'use', from: 'README.md#use-it', title: 'Tokens, uploads, events' },
      { page: 'widget', from: 'README.md#the-widget' },
      { page: 'dashboard', from: 'README.md#the-dashboard' },
      { page: 'api', from: 'README.md#api' },
      { page: 'client', from: 'docs/client.md' },
      { page: 'clients', from: 'docs/clients.md' },
      { page: 'webhooks', from: 'docs/webhooks.md' },
      { page: 'problems/index', from: 'docs/problems/index.md', title: 'Error codes' },
    ],
  },
  {
    title: 'Run it',
    entries: [
      { page: 'deployment', from: 'README.md#deployment' },
      { page: 'deployment-more', from: 'deploy/README.md' },
      { page: 'executable', from: 'docs/executable.md' },
      { page: 'settings', from: 'docs/settings.md', title: 'Settings' },
      { page: 'command-line', from: 'README.md#command-line' },
      { page: 's3', from: 'README.md#files-in-s3' },
      { page: 'scanning', from: 'README.md#virus-scanning' },
      { page: 'pictures', from: 'README.md#pictures' },
      { page: 'limits', from: 'README.md#limits' },
      { page: 'policies', from: 'README.md#a-policy-for-each-company' },
      { page: 'several-nodes', from: 'README.md#several-nodes' },
      { page: 'backup', from: 'README.md#backup-and-restore' },
      { page: 'deleting', from: 'README.md#deleting' },
      { page: 'migrate-from-django', from: 'docs/migrate-from-django.md' },
    ],
  },
  {
    title: 'See that it is well',
    entries: [
      { page: 'runbooks', from: 'docs/runbooks.md' },
      { page: 'admin', from: 'docs/admin.md' },
      { page: 'metrics', from: 'docs/metrics.md' },
      { page: 'logs', from: 'README.md#logs' },
      { page: 'audit', from: 'README.md#the-audit' },
      { page: 'performance', from: 'README.md#performance', title: 'Performance' },
      { page: 'performance-figures', from: 'docs/performance.md' },
      { page: 'questions', from: 'README.md#questions' },
      { page: 'limits-of-this-version', from: 'README.md#limits-of-this-version' },
    ],
  },
  {
    title: 'The project',
    entries: [
      { page: 'changelog', from: 'CHANGELOG.md' },
      { page: 'security', from: 'SECURITY.md' },
      { page: 'contributing', from: 'CONTRIBUTING.md' },
      { page: 'house', from: 'server/README.md' },
      { page: 'house-core', from: 'widget/core/README.md' },
      { page: 'asvs', from: 'test/asvs/README.md', title: 'OWASP ASVS' },
    ],
  },
];

/** Where a file's sections lead that stand on no page: the README's beginning is told by the home page. */
export const HOME = 'index';
