/** A change to the sources that a runtime is built from. */
export interface SourcePatch {
  /** As the configuration names it, and as reports do: `linear-parse`, or the base name of the user's file. */
  readonly name: string;
  /** In the build's context, unless the place in the list changes it: ends with `.c` for functions, else with `.patch`. */
  readonly fileName: string;
  /** Functions of C with the script's own directives, or a unified diff. */
  readonly content: Buffer;
}
