/** The manifests in `deploy/kubernetes/`: of Kubernetes' own types, with settings and probes that the server knows. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { IDeployment } from 'kubernetes-models/apps/v1/Deployment';
import type { IIngress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import type { IConfigMap } from 'kubernetes-models/v1/ConfigMap';
import type { ISecret } from 'kubernetes-models/v1/Secret';
import type { IService } from 'kubernetes-models/v1/Service';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { OPERATIONS } from '../../server/http/openapi-operations.ts';
import { readDeployedSettings } from '../services/deployed-settings.ts';
import { readSteps } from '../services/image-build.ts';
import { TEST_SECRET } from '../services/tokens.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
const FOLDER = path.join(PROJECT, 'deploy/kubernetes');
/** Seconds that a node may take to drain, by the README. */
const DRAIN_SECONDS = 10;
const FILLED_IN = {
  JWT_SECRET: TEST_SECRET,
  DATABASE_URL: 'postgres://chatdrop:password@postgres.example.com/chatdrop',
  REDIS_URL: 'redis://redis.example.com:6379/0',
  CLAMAV_URL: 'tcp://clamav:3310',
  AWS_ACCESS_KEY_ID: 'key',
  AWS_SECRET_ACCESS_KEY: 'secret',
};
const run = promisify(execFile);

type Manifest = { apiVersion: string; kind: string; metadata: { name: string } };
type Validating = new (manifest: object) => { validate(): void };

const manifests: Manifest[] = [];
for (const file of (await readdir(FOLDER)).toSorted()) {
  for (const document of parseAllDocuments(await readFile(path.join(FOLDER, file), 'utf8'))) {
    if (document.errors.length > 0) throw document.errors[0];
    manifests.push(document.toJS());
  }
}
const deployment = named<IDeployment>('Deployment');
const pod = deployment.spec?.template.spec;
const [container] = pod?.containers ?? [];

describe('every manifest', () => {
  test.each(manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, manifest] as const))(
    '%s is valid by the schemas of Kubernetes',
    async (_name, manifest) => {
      const models = await import(['kubernetes-models', manifest.apiVersion, manifest.kind].join('/'));
      const Model = models[manifest.kind] as Validating;
      new Model(manifest).validate();
    },
  );

  test('they hold no name that Kubernetes does not know', async () => {
    // The schemas let such a name pass; the types do not.
    expect(await typeFaults(manifests)).toBe('');
    const wrong = structuredClone(deployment) as unknown as Manifest & { spec: { template: { spec: object } } };
    wrong.spec.template.spec = { ...wrong.spec.template.spec, terminationGracePeriod: 30 };
    expect(await typeFaults([wrong])).toMatch(/terminationGracePeriod\W+does not exist/);
  });

  test('they find each other by name and label', () => {
    const labels = deployment.spec?.template.metadata?.labels;
    expect(deployment.spec?.selector.matchLabels).toEqual(labels);
    expect(named<IService>('Service').spec?.selector).toEqual(labels);
    expect(named<IPodDisruptionBudget>('PodDisruptionBudget').spec?.selector?.matchLabels).toEqual(labels);
    const sources = container?.envFrom?.map(({ configMapRef, secretRef }) => configMapRef?.name ?? secretRef?.name);
    expect(sources).toEqual([named('ConfigMap').metadata.name, named('Secret').metadata.name]);
    const service = named<IService>('Service');
    expect(service.spec?.ports?.map(({ name, targetPort }) => [name, targetPort])).toEqual([['http', 'http']]);
    expect(container?.ports?.map(({ name }) => name)).toEqual(['http']);
    for (const ingress of ingresses())
      for (const { http } of ingress.spec?.rules ?? [])
        expect(http?.paths.map(({ backend }) => backend.service)).toEqual([
          { name: service.metadata?.name, port: { name: 'http' } },
        ]);
  });
});

describe('the settings', () => {
  const { data = {} } = named<IConfigMap>('ConfigMap');
  const { stringData = {} } = named<ISecret>('Secret');

  test('all are known, and good once the secrets are filled in', () => {
    expect(Object.keys(stringData).toSorted()).toEqual(Object.keys(FILLED_IN).toSorted());
    const config = readDeployedSettings({ ...data, ...stringData, ...FILLED_IN });
    expect([config.development, config.publicUrl, config.trustProxy]).toEqual([false, 'https://files.example.com', 1]);
    expect([config.s3?.bucket, config.s3?.credentials?.accessKeyId]).toEqual(['chatdrop-files', 'key']);
    const hosts = ingresses().flatMap(({ spec }) => spec?.rules?.map(({ host }) => host));
    expect(new Set(hosts)).toEqual(new Set([new URL(config.publicUrl ?? '').host]));
  });

  test('with the example’s secrets as they stand the server does not start', () => {
    for (const name of ['JWT_SECRET', 'DATABASE_URL', 'REDIS_URL'] as const)
      expect(() => readDeployedSettings({ ...data, ...FILLED_IN, [name]: stringData[name] as string })).toThrow(name);
  });
});

describe('the node', () => {
  test('it is asked what the server answers, on the port that it listens on', async () => {
    const { startupProbe, readinessProbe, livenessProbe } = container ?? {};
    const paths = [startupProbe, readinessProbe, livenessProbe].map((probe) => probe?.httpGet?.path);
    expect(paths).toEqual(['/healthz', '/readyz', '/healthz']);
    expect(Object.keys(OPERATIONS)).toEqual(expect.arrayContaining(['GET /healthz', 'GET /readyz']));
    const steps = await readSteps();
    const argument = (keyword: string) =>
      steps
        .find((step) => step.getKeyword() === keyword)
        ?.getArguments()[0]
        ?.getValue();
    expect(container?.ports?.[0]?.containerPort).toBe(Number(argument('EXPOSE')));
    expect(container?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual([argument('VOLUME'), '/tmp']);
    const user = steps
      .findLast((step) => step.getKeyword() === 'USER')
      ?.getArguments()[0]
      ?.getValue();
    expect(`${pod?.securityContext?.runAsUser}:${pod?.securityContext?.runAsGroup}`).toBe(user);
    expect(container?.image?.endsWith(`/chatdrop:${packageJson.version}`)).toBe(true);
  });

  test('it may drain to the end, and no node goes before another is ready', () => {
    const pause = Number(container?.lifecycle?.preStop?.exec?.command?.[1]);
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(pause + DRAIN_SECONDS);
    expect(deployment.spec?.strategy?.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(deployment.spec?.replicas).toBeGreaterThan(1);
  });

  test('it is not root, gains nothing and writes nowhere but into its volumes', () => {
    expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod?.automountServiceAccountToken).toBe(false);
  });
});

function named<T = Manifest>(kind: string): T {
  return manifests.find((manifest) => manifest.kind === kind) as T;
}

function ingresses(): IIngress[] {
  return manifests.filter(({ kind }) => kind === 'Ingress') as IIngress[];
}

/** What the compiler says of them as values of Kubernetes' types. */
async function typeFaults(these: Manifest[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-manifests-'));
  try {
    const lines = these.map(
      ({ apiVersion, kind }, index) =>
        `import type { I${kind} as T${index} } from 'kubernetes-models/${apiVersion}/${kind}';\n` +
        `export const m${index}: T${index} = ${JSON.stringify(these[index], null, 1)};\n`,
    );
    await writeFile(path.join(folder, 'manifests.ts'), lines.join(''));
    await writeFile(
      path.join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: { strict: true, noEmit: true, skipLibCheck: true, types: [], module: 'nodenext' },
        files: ['manifests.ts'],
      }),
    );
    await symlink(path.join(PROJECT, 'node_modules'), path.join(folder, 'node_modules'));
    const compiler = path.join(PROJECT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [compiler, '-p', folder]).catch(
      (error: { stdout: string }) => error,
    );
    return stdout.trim();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
