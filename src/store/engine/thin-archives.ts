import { anything, listOf, object } from '../../json/shape.ts';
import type { Engine } from './engine.ts';

/** What `GET /info` says about an Engine that keeps images in containerd. moby, daemon/containerd/service.go. */
const containerdDriver = /^io\.containerd\./;

const infoShape = object({ DriverStatus: listOf(listOf(anything)) });

/**
 * Docker's own stores take an archive without the layers that they have. Podman refuses it; Docker's containerd store
 * may take it, but what it then keeps cannot be pushed or saved.
 */
export async function takesThinArchives(engine: Engine): Promise<boolean> {
  if (engine.kind === 'podman') return false;
  const purpose = 'ask how it stores images';
  const info = await engine.ask({ method: 'GET', path: '/info', purpose }, infoShape);
  const status = info?.DriverStatus ?? [];
  return !status.some(([key, value]) => key === 'driver-type' && containerdDriver.test(String(value)));
}
