// What the page asks for. One place, so that a glossary or other options have one seam:
// `addOptions(() => ({glossary: …}))` adds fields to every request.

const STREAM_FROM = 120; // characters; shorter texts of one line are answered at once
const ALTERNATIVES = 3; // with the first one these fill a beam of four, which is the usual width

const providers = [];
export const addOptions = (provider) => providers.push(provider);

const options = () => Object.assign({}, ...providers.map((provider) => provider()));

/** Lone surrogates are not text and no server could take them. */
const clean = (text) => (text.toWellFormed ? text.toWellFormed() : text);

export const forText = (text) => ({ text: clean(text), segments: true, timing: true, ...options() });

export const forAlternatives = (sentence) => ({
  text: clean(sentence),
  alternatives: ALTERNATIVES,
  ...options(),
  memory: undefined, // the model's own: what is remembered is known already
});

export const worthStreaming = (text) => text.length > STREAM_FROM || /\n\s*\S/.test(text.trim());
