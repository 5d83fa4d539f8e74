import * as v from 'valibot';

// YAML would read the FMSPC 00706e470000 as a number, and "no" differently in its versions: scalars come as texts.

/** `true` or `false`. */
export const truth = v.pipe(
  v.picklist(['true', 'false'], 'expected true or false'),
  v.transform((word) => word === 'true'),
);

/** A whole number from 0 to `most`, in decimal. */
export const naturalNumber = (most: number) =>
  v.pipe(
    v.string(),
    v.check(
      (text) => /^\d{1,16}$/.test(text) && Number(text) <= most,
      `expected a whole number from 0 to ${most}`,
    ),
    v.transform(Number),
  );

/** A list. */
export const listOf = <Item extends v.GenericSchema>(item: Item) =>
  v.array(item, 'expected a list, like [A, B]');
