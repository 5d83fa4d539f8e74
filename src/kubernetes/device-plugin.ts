/** Device plugins that give enclaves their memory. */
export const devicePlugins = ['intel', 'alibaba', 'azure'] as const;
export type DevicePlugin = (typeof devicePlugins)[number];

const mebibyte = 1n << 20n;

/**
 * The resources of a container by which a device plugin gives it the device and that much EPC. Intel device plugins for Kubernetes
 * 0.36 (whose webhook may be missing, so that `enclave` is written out); Alibaba's and Azure's plugins count in MiB.
 */
export function epcResources(
  plugin: DevicePlugin,
  epcBytes: bigint,
): readonly (readonly [name: string, amount: string])[] {
  const mebibytes = `${(epcBytes + mebibyte - 1n) / mebibyte}`;
  switch (plugin) {
    case 'intel':
      return [
        ['sgx.intel.com/enclave', '1'],
        ['sgx.intel.com/epc', `${epcBytes}`],
      ];
    case 'alibaba':
      return [['alibabacloud.com/sgx_epc_MiB', mebibytes]];
    case 'azure':
      return [['kubernetes.azure.com/sgx_epc_mem_in_MiB', mebibytes]];
  }
}
