import { hierarchy, treemap, treemapSquarify } from 'd3-hierarchy';
import { componentsOf } from '../base/image-path.ts';
import { type FileState, type FileSum, fileStates, type MappedPlace } from './file-map.ts';

/** A rectangle of the map, in percent of its width and height. */
export interface MapBox extends FileSum {
  readonly place: MappedPlace;
  readonly state: FileState;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Item extends FileSum {
  readonly place: MappedPlace;
  readonly state: FileState;
}

type Node = { readonly children: readonly Node[] } | Item;

/** Width by height of the page's map on a wide screen: boxes are as square as they can be there. */
const shape = [16, 9] as const;

/** The places as boxes whose areas are their bytes; one box for each state that has some. Larger ones come first. */
export function mapBoxes(places: readonly MappedPlace[]): readonly MapBox[] {
  const root = hierarchy<Node>({ children: groupsOf(places) }, (node) =>
    'children' in node ? node.children : undefined,
  )
    .sum((node) => ('children' in node ? 0 : node.sizeBytes))
    .sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const placed = treemap<Node>()
    .tile(treemapSquarify.ratio(1.2))
    .size([...shape])(root);
  return placed.leaves().flatMap(({ data, x0, x1, y0, y1 }) => {
    if ('children' in data) return [];
    const [across, down] = [(x: number) => percent(x / shape[0]), (y: number) => percent(y / shape[1])];
    return [{ ...data, left: across(x0), top: down(y0), width: across(x1 - x0), height: down(y1 - y0) }];
  });
}

/** The same digits on every machine. */
function percent(share: number): number {
  return Number((100 * share).toFixed(3));
}

/** By the directory at the top, so that neighbours in the tree are neighbours in the map. */
function groupsOf(places: readonly MappedPlace[]): readonly Node[] {
  const groups = new Map<string, Node[]>();
  for (const place of places) {
    const [top = ''] = componentsOf(place.path);
    const items = fileStates
      .filter((state) => place.sums[state].sizeBytes > 0)
      .map((state): Item => ({ place, state, ...place.sums[state] }));
    if (items.length > 0) groups.set(top, [...(groups.get(top) ?? []), { children: items }]);
  }
  return [...groups.values()].map((children) => ({ children }));
}
