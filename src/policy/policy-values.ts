import * as z from 'zod/mini';

// YAML would read the FMSPC 00706e470000 as a number, and "no" differently in its versions: scalars come as texts.

/** `true` or `false`. */
export const truth = z.pipe(
  z.enum(['true', 'false'], { error: 'expected true or false' }),
  z.transform((word) => word === 'true'),
);

/** A whole number from 0 to `most`, in decimal. */
export const naturalNumber = (most: number) =>
  z.pipe(
    z.string().check(
      z.refine((text) => /^\d{1,16}$/.test(text) && Number(text) <= most, {
        error: `expected a whole number from 0 to ${most}`,
      }),
    ),
    z.transform(Number),
  );

/** A list. */
export const listOf = <Item extends z.ZodMiniType>(item: Item) =>
  z.array(item, { error: 'expected a list, like [A, B]' });
