// What the shop sells. Prices in cents.
import type { Drawing } from "./drawings";

export interface Product {
  id: string;
  name: string;
  price: number;
  kind: "Table" | "Kitchen" | "Home";
  drawing: Drawing;
  line: string;
  text: string;
  facts: string[];
}

export const products: Product[] = [
  { id: "dawn-mug", name: "Dawn mug", price: 2400, kind: "Table", drawing: "mug", line: "For the first quarter of an hour", text: "Thrown by hand, dipped once, fired twice. The glaze stops where it likes, so no two are alike. Holds enough for a slow start.", facts: ["Stoneware, 320 ml", "Goes into the dishwasher", "9 cm high"] },
  { id: "harbour-teapot", name: "Harbour teapot", price: 5800, kind: "Table", drawing: "teapot", line: "Pours without a drop beside it", text: "The spout was drawn eleven times before it stopped dripping. The strainer is part of the pot, the lid stays on until the last cup.", facts: ["Stoneware, 1.1 l", "Strainer inside", "Four cups"] },
  { id: "pebble-bowl", name: "Pebble bowl", price: 3200, kind: "Table", drawing: "bowl", line: "Soup, fruit, keys", text: "A wide, low bowl with the speckles of the beach its clay comes from. Stacks, though it need not.", facts: ["Stoneware, 22 cm", "Oven up to 180 °C", "Stackable"] },
  { id: "heron-kettle", name: "Heron kettle", price: 7400, kind: "Kitchen", drawing: "kettle", line: "Boils, hums, waits", text: "Enamelled steel with a beech handle that stays cool. It hums before it whistles, and you may take it off in between.", facts: ["Enamel on steel, 1.6 l", "Gas and induction", "Beech handle"] },
  { id: "tide-towel", name: "Tide towels", price: 2200, kind: "Kitchen", drawing: "towel", line: "Three, because one is always wet", text: "Washed linen that dries glasses on the first day already. The stripes tell yours from the neighbour's.", facts: ["Linen, set of three", "50 by 70 cm", "Washes at 60 °C"] },
  { id: "ember-candle", name: "Ember candle", price: 1800, kind: "Home", drawing: "candle", line: "Forty evenings of it", text: "Rapeseed wax in a glass that becomes a tumbler afterwards. Smells of wood smoke and orange, faintly.", facts: ["180 g, about 40 hours", "Rapeseed wax", "Glass to keep"] },
  { id: "moth-lamp", name: "Moth lamp", price: 8900, kind: "Home", drawing: "lamp", line: "A small moon for the sideboard", text: "A shade of folded paper over a turned oak foot. Three steps of light, the last of which is hardly any.", facts: ["Oak and paper, 34 cm", "Bulb included", "Three steps"] },
  { id: "field-vase", name: "Field vase", price: 4600, kind: "Home", drawing: "vase", line: "For what grew by the road", text: "Narrow enough to hold three stems upright, heavy enough to stay when the cat comes by.", facts: ["Stoneware, 24 cm", "Watertight", "Weighs 1.3 kg"] },
  { id: "grove-planter", name: "Grove planter", price: 2800, kind: "Home", drawing: "planter", line: "Roots included, green not", text: "An unglazed pot that breathes, with a saucer that does not. Your fig will thank you in its own time.", facts: ["Terracotta, 18 cm", "With saucer", "Frost-proof"] },
];

export const byId = (id: string): Product | undefined => products.find((product) => product.id === id);

export function find(words: string): Product[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return products.filter((p) => wanted.length && wanted.every((word) => `${p.name} ${p.kind} ${p.line} ${p.text}`.toLowerCase().includes(word)));
}

const format = new Intl.NumberFormat("en", { style: "currency", currency: "EUR" });
export const money = (cents: number): string => format.format(cents / 100);
