/** Which addresses are one visitor's as far as counting goes. */
import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Groups of 16 bits that name a network: the rest of an IPv6 address its owner chooses as they like (RFC 8981). */
const NETWORK_GROUPS = 4;

/**
 * An IPv4 address, also one that is written as IPv6, stands for itself; an IPv6 address for its /64, the least that a
 * customer gets (RFC 6177). @returns null for what is no address
 */
export function addressGroup(address: string): string | null {
  if (isIPv4(address)) return address;
  if (!ipaddr.IPv6.isValid(address)) return null;
  const parsed = ipaddr.IPv6.parse(address);
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const network = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(16));
  return `${network.join(':')}::/64`;
}
