/** Node's program as a component of an SBOM, in CycloneDX's form. */
export declare function nodeComponent(node: string): Readonly<Record<string, unknown>>;
/** The file with Node's licence; undefined if it is nowhere. */
export declare function nodeLicence(node: string): string | undefined;
