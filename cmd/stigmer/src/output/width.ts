const ASCII = /^[\x20-\x7e]*$/;
/** Scripts and signs that terminals give two columns: Unicode's East Asian width W and F, in ranges. */
const WIDE =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const EMOJI_STYLE = "\ufe0f";
const NOTHING = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

/** The characters of a text as a reader sees them: letters with their marks, emoji with their joiners. */
export function charactersOf(text: string): readonly string[] {
  if (ASCII.test(text)) return [...text];
  const segmenter = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

/** How many columns of a terminal a text takes. */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return charactersOf(text).reduce((sum, character) => sum + widthOfCharacter(character), 0);
}

/** A text of at most `width` columns, the rest replaced by an ellipsis; no character is cut in half. */
export function cutToWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let kept = "";
  let left = width - 1;
  for (const character of charactersOf(text)) {
    left -= widthOfCharacter(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
const COLOUR = /(\x1b\[[\d;]*m)/;

/** The same for text with colours, which all end where they did. */
export function cutPainted(text: string, width: number): string {
  const parts = text.split(COLOUR);
  const isText = (at: number): boolean => at % 2 === 0;
  const whole = parts.reduce((sum, part, at) => sum + (isText(at) ? displayWidth(part) : 0), 0);
  if (whole <= width) return text;
  let left = Math.max(1, width) - 1;
  let cut = false;
  return parts
    .map((part, at) => {
      if (!isText(at)) return part;
      if (cut) return "";
      const size = displayWidth(part);
      if (size <= left) {
        left -= size;
        return part;
      }
      cut = true;
      return cutToWidth(part, left + 1);
    })
    .join("");
}

/** How many columns text with colours takes. */
export function paintedWidth(text: string): number {
  return text.split(COLOUR).reduce((sum, part, at) => sum + (at % 2 === 0 ? displayWidth(part) : 0), 0);
}

function widthOfCharacter(character: string): number {
  if (NOTHING.test(character)) return 0;
  return WIDE.test(character) || character.includes(EMOJI_STYLE) ? 2 : 1;
}
