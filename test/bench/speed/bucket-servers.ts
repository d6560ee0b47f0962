/** One Ceph gateway for all, a bucket for each, and the servers that bring files there. */
import { type CephRgw, startCephRgw } from '../../services/ceph-rgw.ts';
import { makeBucket, s3Settings } from '../../services/shared-s3.ts';
import { type Measured, startOurs, startScript } from './servers.ts';

export type BucketServerName = 's3-store' | 'sdk' | 'chatdrop';

export type BucketServers = {
  servers: Measured[];
  /** That the gateway has taken so far, whoever asked. */
  requests(): Promise<number>;
  stop(): Promise<void>;
};

export async function startBucketServers(names: readonly BucketServerName[]): Promise<BucketServers> {
  const rgw = await startCephRgw();
  const servers: Measured[] = [];
  const stop = async () => {
    for (const server of servers) await server.stop();
    await rgw.close();
  };
  try {
    for (const name of names) servers.push(await start(rgw, name));
    return { servers, requests: rgw.requests, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(rgw: CephRgw, name: BucketServerName): Promise<Measured> {
  const settings = s3Settings(await makeBucket(rgw));
  if (name === 'chatdrop') return startOurs(name, settings);
  const path = name === 's3-store' ? '/files' : '/';
  return { name, protocol: 'tus', path, headers: () => '', agentToken: null, ...(await startScript(name, settings)) };
}
