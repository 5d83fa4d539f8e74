/** What may be done in a repository. distribution, "Token Scope Documentation". */
export type Action = 'pull' | 'push';

/** The scope for some actions in a repository: `repository:library/python:pull`. */
export function scopeOf(path: string, actions: readonly Action[]): string {
  return `repository:${path}:${actions.join(',')}`;
}

/** One scope per resource, with all actions asked for; in order, so that equal wishes give equal texts. */
export function mergeScopes(scopes: readonly string[]): readonly string[] {
  const actionsOf = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(':');
    const resource = colon < 0 ? scope : scope.slice(0, colon);
    const actions = actionsOf.get(resource) ?? new Set();
    for (const action of colon < 0 ? [] : scope.slice(colon + 1).split(',')) actions.add(action);
    actionsOf.set(resource, actions);
  }
  return [...actionsOf]
    .map(([resource, actions]) => [resource, [...actions].sort().join(',')].filter(Boolean).join(':'))
    .filter((scope) => scope !== '')
    .sort();
}
