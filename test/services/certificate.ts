/** A certificate of a server's own, by OpenSSL: nobody vouches for it but who is told of it. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';

const OPENSSL: DebianProgram = {
  title: 'OpenSSL',
  setting: 'TEST_OPENSSL',
  commands: ['openssl'],
  debianPackages: ['openssl'],
};

/** @returns the paths of its PEM files, in that folder */
export async function makeCertificate(folder: string, host: string): Promise<{ certificate: string; key: string }> {
  await installDebianPrograms([OPENSSL]);
  const certificate = path.join(folder, 'certificate.pem');
  const key = path.join(folder, 'key.pem');
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${host}`];
  const names = ['-addext', `subjectAltName=DNS:${host}`, '-keyout', key, '-out', certificate];
  await promisify(execFile)(debianProgram(OPENSSL), [...words, ...names]);
  return { certificate, key };
}
