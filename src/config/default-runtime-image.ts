/**
 * The runtime when nothing is configured: the Gramine project's own image of its release 1.9, pinned to the digest under
 * which Docker Hub has it, so that the same command always gives the same enclave.
 */
export const defaultRuntimeImage =
  'docker.io/gramineproject/gramine:1.9-jammy@sha256:84b3d222e0bd9ab941f0078a462af0dbc5518156b99b147c10a7b83722ac0c38';
