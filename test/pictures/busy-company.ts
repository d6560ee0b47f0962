/** A company as an agent has it on a Monday morning: forty chats with files, ten with one on its way, three unread. */
import { join } from 'node:path';
import sqlite from 'better-sqlite3';
import type { Page } from 'playwright-core';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { shareFile } from '../services/chat-api.ts';
import type { ChatRoom } from '../services/chat-room.ts';
import type { Chatdrop } from '../services/chatdrop-process.ts';
import { mp4File, pdfFile, textFile } from '../services/fixtures.ts';
import { wavFile } from '../services/media-files.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { drawScene, type Scene } from './sample-files.ts';

const COMPANY = 'northwind';
const MINUTE_MS = 60_000;
const PEOPLE =
  `amelie-laurent order-48213 jonas.weber return-2217 mei-tanaka order-48190 sofia-rossi claim-731 liam-obrien
  order-48177 nadia-haddad quote-1183 tomasz-nowak order-48169 ines-carvalho return-2209 arjun-mehta order-48152 clara-holm
  claim-728 yusuf-kaya order-48147 elena-petrova quote-1179 marco-bianchi order-48131 hanna-virtanen return-2198 paul-dubois
  order-48120 lucia-romero claim-719 david-cohen order-48114 freya-lund quote-1170 omar-farouk order-48102 greta-vogel
  return-2190`
    .split(/\s+/)
    .map((name) => name.replace('.', '-'));

type Sent = { name: string; scene?: Scene; body?: Buffer; byAgent?: boolean };

const SENT: Sent[] = [
  { name: 'the lake from the balcony.jpg', scene: 'lake' },
  { name: 'damaged parcel, front.jpg', scene: 'parcel' },
  { name: 'contract 2026, signed.pdf', body: pdfFile(), byAgent: true },
  { name: 'living room.jpg', scene: 'room' },
  { name: 'invoice 48177.jpg', scene: 'invoice' },
  { name: 'voice note.wav', body: wavFile(3) },
  { name: 'floor plan, second floor.jpg', scene: 'plan' },
  { name: 'what I tried so far.txt', body: textFile() },
  { name: 'view at night.jpg', scene: 'night' },
  { name: 'sales by month.jpg', scene: 'chart' },
  { name: 'the way there.jpg', scene: 'dunes' },
  { name: 'offer for the kitchen.pdf', body: pdfFile(), byAgent: true },
];
const ON_THEIR_WAY = [
  ['unboxing.mp4', 62],
  ['walk through the flat.mp4', 18],
  ['scan of all pages.mp4', 91],
  ['screen recording.mp4', 44],
  ['the noise it makes.mp4', 73],
  ['garden.mp4', 7],
  ['video call.mp4', 35],
  ['repair.mp4', 54],
  ['delivery.mp4', 83],
  ['demo.mp4', 28],
] as const;

/** Newest first. */
export const roomOf = (at: number): ChatRoom => {
  const session = PEOPLE[at] as string;
  return { company: COMPANY, session, visitor: visitorToken(COMPANY, session), agent: agentToken(COMPANY) };
};

/** Real uploads; afterwards they are dated back, as if they had come over the last two days. */
export async function fillCompany(server: Chatdrop, canvas: Page): Promise<void> {
  for (let at = PEOPLE.length - 1; at >= 0; at -= 1) {
    const count = at === 0 ? 7 : 1 + ((at * 5) % 3);
    for (let number = 0; number < count; number += 1) await shareOne(server, canvas, at, at + number * 5);
  }
  const database = sqlite(join(server.dataDir, 'chatdrop.sqlite'));
  database.pragma('busy_timeout = 5000');
  const agoMs = (at: number) => MINUTE_MS * Math.round(3 + at * 6 + (at > 20 ? (at - 20) * 90 : 0));
  for (let at = 0; at < PEOPLE.length; at += 1) {
    const then = Date.now() - agoMs(at);
    database.prepare('update chat_files set created_at = ? where session_id = ?').run(then, PEOPLE[at]);
    database.prepare('update chat_sessions set last_activity_at = ? where session_id = ?').run(then, PEOPLE[at]);
  }
  database.close();
}

export async function shareOne(server: Chatdrop, canvas: Page, at: number, which: number): Promise<ChatFile> {
  const room = roomOf(at);
  const { name, scene, body, byAgent } = SENT[which % SENT.length] as Sent;
  const bytes = scene ? await drawScene(canvas, scene, at) : (body as Buffer);
  return await shareFile({ baseUrl: server.baseUrl, room, name, body: bytes, ...(byAgent && { token: room.agent }) });
}

/** Ten films begin, and get as far as they stand in the picture. */
export async function startFilms(server: Chatdrop): Promise<void> {
  for (const [index, [name, percent]] of ON_THEIR_WAY.entries()) {
    const { visitor: token, session } = roomOf((index * 7) % 23);
    const film = mp4File(1_000_000 + index * 90_000);
    const metadata = { filename: name, session_id: session };
    const { url } = await create({ baseUrl: server.baseUrl, token, length: film.length, metadata });
    await patch({ url, token, offset: 0, body: film.subarray(0, Math.round((film.length * percent) / 100)) });
  }
}
