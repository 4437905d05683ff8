// A translation as the page holds it: sentences with the text between them.
//
// A sentence is {source, start, end, gap, text, first, truncated, memory, alternatives}: `start` and
// `end` are UTF-16 offsets into the source, `gap` is the target text in front of it, `text` is
// shown, `first` is what the service put first, `memory` is null or what the translation memory
// holds for it {match, used, source, translation}, `alternatives` is null until asked for. A translation is
// {sentences, tail}; the tail is the target text after the last sentence.

import { utf16Offsets } from "./offsets.js";

/** The translation in a whole answer of POST /translate with `segments`. */
export function fromAnswer(source, { translation, segments }) {
  const inSource = utf16Offsets(source);
  const inTarget = utf16Offsets(translation);
  let end = 0;
  const sentences = segments.map((segment) => {
    const [from, to] = segment.target_span.map(inTarget);
    const gap = translation.slice(end, from);
    end = to;
    return sentenceOf(segment, inSource, gap);
  });
  return { sentences, tail: translation.slice(end) };
}

/** A function from a `segment` event of the stream to its sentence. */
export function segmentReader(source) {
  const inSource = utf16Offsets(source);
  return (segment) => sentenceOf(segment, inSource, segment.before);
}

/** The text that the sentences make. */
export const join = ({ sentences, tail }) =>
  sentences.map((sentence) => sentence.gap + sentence.text).join("") + tail;

const sentenceOf = (segment, inSource, gap) => ({
  source: segment.source,
  start: inSource(segment.source_span[0]),
  end: inSource(segment.source_span[1]),
  gap,
  text: segment.translation,
  first: segment.translation,
  truncated: segment.truncated,
  memory: segment.memory ?? null,
  alternatives: null,
});

/** What is shown comes from the translation memory. */
export const isRemembered = ({ text, memory }) => memory !== null && text === memory.translation;
