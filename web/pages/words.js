// Texts of the study with their values filled in, and safe HTML from plain text.

let texts, language, cardinal, ordinalRules;

export function useTexts(given, code) {
  texts = given;
  language = code;
  cardinal = new Intl.PluralRules(code);
  ordinalRules = new Intl.PluralRules(code, { type: "ordinal" });
}

export const escaped = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// `words("round.ask", {name})`: the text at a path, with {name} replaced
export function words(path, values = {}) {
  const text = path.split(".").reduce((node, key) => node[key], texts);
  return fill(text, values);
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, key) => (key in values ? values[key] : all));

const form = (forms, rules, n) => fill(forms[rules.select(n)] ?? forms.other, { n });

export const ordinal = (n) => form(texts.ordinal, ordinalRules, n);

export const spots = (n) => form(texts.spots, cardinal, n);

export const partner = (number) => texts.partners[number];

export const percent = (share) => new Intl.NumberFormat(language, { style: "percent" }).format(share);

// Paragraphs, lists with "- ", and **bold**; everything else is shown as it is
export function html(text) {
  const inline = (line) => escaped(line).replace(/\*\*(.+?)\*\*/g, "<b>$1</b>");
  return text
    .trim()
    .split(/\n\s*\n/)
    .map((block) => {
      const lines = block.split("\n").map((line) => line.trim());
      if (lines.every((line) => line.startsWith("- "))) {
        return `<ul>${lines.map((line) => `<li>${inline(line.slice(2))}</li>`).join("")}</ul>`;
      }
      return `<p>${inline(lines.join(" "))}</p>`;
    })
    .join("");
}
