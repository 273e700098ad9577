/** What to draw. */

/** Names that are already plural, or of something that cannot be counted: they take no article. */
const WITHOUT_ARTICLE = new Set(
  "animal migration,asparagus,binoculars,bread,broccoli,camouflage,drums,eyeglasses,flip flops,grapes,grass,headphones,lightning,matches,pants,peas,pliers,rain,rollerskates,scissors,shorts,stairs,stitches,toothpaste,underwear,yoga".split(","),
);

/**
 * A category with its article: "a guitar", "an owl", "scissors", "The Eiffel Tower".
 *
 * @param {string} name
 */
export function withArticle(name) {
  if (name.startsWith("The ") || WITHOUT_ARTICLE.has(name)) return name;
  if (["ocean", "moon", "sun"].includes(name)) return `the ${name}`;
  return `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}

/**
 * Another category than the current one, evenly at random.
 *
 * @param {string[]} categories
 * @param {string | null} current
 * @param {() => number} [random]  in [0, 1)
 */
export function nextPrompt(categories, current, random = Math.random) {
  const others = categories.filter((name) => name !== current);
  return others[Math.floor(random() * others.length)] ?? null;
}
