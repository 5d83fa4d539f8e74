import type { MeasuredEnclave } from '../../index.ts';
import type { FlatTable } from './flat-toml.ts';

/** What is known of an enclave before it is signed; the Python tool's names. */
export function predictionFields({ mrEnclave, settings }: MeasuredEnclave): FlatTable {
  return {
    mr_enclave: mrEnclave,
    isv_prod_id: settings.isvProdId,
    isv_svn: settings.isvSvn,
    debug: settings.isDebug,
  };
}
