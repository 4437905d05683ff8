// Server-sent events read from a fetch body (EventSource cannot POST).

/** Yields `{event, data}` for each event of `stream` (a ReadableStream of bytes). */
export async function* readEvents(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split(/\r\n\r\n|\n\n|\r\r/);
      rest = blocks.pop();
      yield* blocks.map(parseBlock).filter(Boolean);
    }
  } finally {
    reader.cancel().catch(() => {}); // the consumer left early: tell the server
  }
}

/** One event from its lines, or null for a block of comments only. */
function parseBlock(block) {
  const fields = { event: "message", data: [] };
  for (const [, name, value] of block.matchAll(/^(event|data): ?([^\r\n]*)/gm)) {
    if (name === "event") fields.event = value;
    else fields.data.push(value);
  }
  return fields.data.length ? { event: fields.event, data: fields.data.join("\n") } : null;
}
