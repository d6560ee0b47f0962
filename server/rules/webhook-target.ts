/** Where a webhook may be sent: no address of it may lead into the network that the server stands in. */
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** What an operator allows beside the public internet: host names, in small letters, and networks. */
export type PrivateTargets = { hosts: ReadonlySet<string>; networks: readonly Network[] };

const MAX_URL_CHARACTERS = 2048;
const HTTPS_PORT = 443;
/** Below it are services that were not made to be spoken to by strangers. */
const FIRST_FREE_PORT = 1024;
/** RFC 4291 section 2.4: what the internet is made of. All others are for a special purpose. */
const GLOBAL_UNICAST: Network = ipaddr.parseCIDR('2000::/3');

/** @throws for what is neither an address, nor a network, nor a host name */
export function readPrivateTarget(entry: string): string {
  const [address = '', bits, ...more] = entry.split('/');
  if (ipaddr.isValid(address) && more.length === 0) {
    const width = ipaddr.parse(address).kind() === 'ipv4' ? 32 : 128;
    if (bits === undefined) return `${address}/${width}`;
    if (/^\d{1,3}$/.test(bits) && Number(bits) <= width) return entry;
  } else if (/^(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/i.test(entry)) return entry.toLowerCase();
  throw new Error(`holds “${entry}”, which is no address, network or host name`);
}

/** `entries`: as `readPrivateTarget` gives them. */
export function privateTargets(entries: readonly string[]): PrivateTargets {
  const isNetwork = (entry: string) => entry.includes('/');
  return {
    hosts: new Set(entries.filter((entry) => !isNetwork(entry))),
    networks: entries.filter(isNetwork).map((entry) => ipaddr.parseCIDR(entry)),
  };
}

/**
 * What is wrong with the address of a webhook, as the end of a sentence; null if nothing is. What its name resolves to is
 * looked at when something is sent there: see `isAllowedAddress`.
 */
export function webhookUrlFault(text: string, allowed: PrivateTargets): string | null {
  if (text.length > MAX_URL_CHARACTERS) return `is longer than ${MAX_URL_CHARACTERS} characters`;
  if (!URL.canParse(text)) return 'is no address';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https://';
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password';
  if (url.hash !== '') return 'must have no fragment';
  const host = hostOf(url);
  if (isListed(host, allowed)) return null;
  if (url.protocol === 'http:') return 'must begin with https://';
  if (ipaddr.isValid(host) && !isAllowedAddress(host, host, allowed)) return 'leads to a private address';
  const port = url.port === '' ? HTTPS_PORT : Number(url.port);
  if (port !== HTTPS_PORT && port < FIRST_FREE_PORT)
    return `must have port ${HTTPS_PORT} or one from ${FIRST_FREE_PORT}`;
  return null;
}

/** Its host name, or its address without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

/** `host`: the name that it was resolved from. */
export function isAllowedAddress(address: string, host: string, allowed: PrivateTargets): boolean {
  if (!ipaddr.isValid(address) || address.includes('%')) return false;
  return allowed.hosts.has(host.toLowerCase()) || isInNetworks(address, allowed) || isPublic(parse(address));
}

function isListed(host: string, allowed: PrivateTargets): boolean {
  return allowed.hosts.has(host.toLowerCase()) || (ipaddr.isValid(host) && isInNetworks(host, allowed));
}

function isInNetworks(address: string, { networks }: PrivateTargets): boolean {
  const parsed = parse(address);
  return networks.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits));
}

/** Public by their number, and yet the platform's own: Azure's. Those of others are link-local, or of Alibaba in a range for carriers. */
const CLOUD_ADDRESSES = ['168.63.129.16'];

/** Whatever carries an IPv4 address in an IPv6 one (NAT64, 6to4, Teredo) has a range of its own, and so is not public. */
function isPublic(address: Address): boolean {
  if (CLOUD_ADDRESSES.includes(address.toString())) return false;
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(...GLOBAL_UNICAST));
}

/** An IPv4 address that is written as IPv6 (`::ffff:…`) is that IPv4 address: the system connects to it. */
function parse(address: string): Address {
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() ? parsed.toIPv4Address() : parsed;
}
