/** Tokens that the client signs are what the server takes: by a secret, and by a private key. */
import { exportPKCS8, exportSPKI, generateKeyPair } from 'jose';
import { expect, test } from 'vitest';
import { createChatdrop } from '../../server/client/create-chatdrop.ts';
import { signAgentToken, signVisitorToken } from '../../server/client/sign-tokens.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { TEST_SECRET } from '../services/tokens.ts';

const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
const server = chatdropForSuite({
  env: { JWT_PUBLIC_KEY: await exportSPKI(publicKey), JWT_ISSUER: 'shop', JWT_AUDIENCE: 'files' },
});
const callerOf = async (token: string) => (await createChatdrop({ url: server().baseUrl, token }).config()).caller;

test('a visitor’s and an agent’s, by either kind of key', async () => {
  const { company, session } = newChatRoom();
  const pem = { privateKey: await exportPKCS8(privateKey), alg: 'ES256' } as const;
  const claims = { issuer: 'shop', audience: 'files' };
  for (const key of [{ secret: TEST_SECRET }, pem]) {
    expect(await callerOf(await signVisitorToken({ ...key, ...claims, company, session, sub: 'v-1' }))).toEqual({
      role: 'user',
      company_id: company,
      session_id: session,
    });
    const unbound = await signAgentToken({ ...key, ...claims, company, sub: 'anna', expiresIn: 60 });
    expect(await callerOf(unbound)).toEqual({ role: 'agent', company_id: company, session_id: null });
    const bound = await signAgentToken({ ...key, ...claims, company, session, sub: 'anna' });
    expect(await callerOf(bound)).toMatchObject({ role: 'agent', session_id: session });
  }
  const stranger = await signVisitorToken({ secret: TEST_SECRET, company, session });
  await expect(callerOf(stranger)).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('a secret that the server would refuse signs nothing', async () => {
  await expect(signVisitorToken({ secret: 'short', company: 'a', session: 'b' })).rejects.toThrow(TypeError);
});
