// Marks that turn the direction of all that follows them (overrides, embeddings, isolates: U+202A-202E, U+2066-2069) let a
// stranger's page name rewrite the sentence it stands in: "on /a 4 times" becomes "semit 4 a/ no". They are shown
// as what they are. Text that runs from right to left needs none of them.
const TURNING = /[\u202A-\u202E\u2066-\u2069]/g;

export function withoutTurning(text: string): string {
  return text.replace(TURNING, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
}
