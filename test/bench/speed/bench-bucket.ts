/** The bucket of a process that is measured: the settings that Chatdrop has, as the AWS SDK takes them. */
export function benchBucket() {
  const { AWS_S3_ENDPOINT_URL: endpoint = '', AWS_S3_REGION_NAME: region = '' } = process.env;
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = process.env;
  const bucket = process.env.AWS_STORAGE_BUCKET_NAME ?? '';
  return {
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    // Ceph, R2 and others do not take the newer ones of streams.
    requestChecksumCalculation: 'WHEN_REQUIRED' as const,
    responseChecksumValidation: 'WHEN_REQUIRED' as const,
    bucket,
  };
}
