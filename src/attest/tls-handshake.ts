import { constants } from 'node:crypto';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

/** How long a handshake may take, and what ends it earlier. */
export interface HandshakeLimits {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A TLS connection after its handshake, whose server has not been checked yet: an RA-TLS certificate signs itself, so that its quote has to be
 * checked in place of its issuer. The handshake proves that the server holds the certificate's key. Rejects with what `node:tls`
 * says, or its own Error.
 */
export function handshake(
  options: ConnectionOptions,
  { timeoutMs, signal }: HandshakeLimits,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...options,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      // Another certificate in the middle of a connection would be one that was not checked.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      session: undefined,
    });
    const fail = (error: Error) => {
      settle();
      socket.destroy();
      reject(error);
    };
    const onClose = () => fail(new Error('the server hung up'));
    const onAbort = () => fail(new Error('interrupted'));
    const timer = setTimeout(() => fail(new Error(`not done within ${timeoutMs / 1000} s`)), timeoutMs);
    const settle = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('close', onClose);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    // Stays: an error between the handshake and the next listener must not end the process.
    socket.on('error', fail);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      settle();
      resolve(socket);
    });
  });
}
