/** What holds for a company in tests of parts: room for all, and what the test says. */
import type { CompanyPolicy } from '../../server/rules/company-policy.ts';

export function testPolicy(over: Partial<CompanyPolicy> = {}): CompanyPolicy {
  return {
    maxFileSizeBytes: 1e6,
    allowedTypes: { user: ['image/*'], agent: ['image/*'] },
    uploadsPerMinute: 10,
    maxPendingUploads: 100,
    maxFiles: 1000,
    maxPendingBytes: 1e9,
    companyQuotaBytes: undefined,
    bytesPerDay: undefined,
    retentionSeconds: { user: undefined, agent: undefined },
    stripMetadata: true,
    compressImagesPx: undefined,
    scanRequired: false,
    refuseEncrypted: false,
    maxImagePixels: 250_000_000,
    allowedOrigins: [],
    ...over,
  };
}
