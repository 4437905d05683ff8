// What GET /version says about the service, with defaults for what it leaves open.

const PATIENCE = 10_000; // milliseconds after which the page goes on without

/** The value at "a.b" of `object` when it is text or a number, else undefined. */
export function factAt(object, path) {
  const value = path.split(".").reduce((inner, key) => inner?.[key], object);
  return ["string", "number"].includes(typeof value) && value !== "" ? value : undefined;
}

export const factsOf = (version) => ({
  version,
  model: factAt(version, "model.tag") ?? "",
  source: factAt(version, "languages.source") ?? "zh",
  target: factAt(version, "languages.target") ?? "en",
  limit: factAt(version, "limits.characters") ?? Infinity,
  documents: (factAt(version, "limits.document_bytes") ?? 0) > 0,
  memory: version?.memory === true,
});

/**
 * The facts as the page learns them. `now`: the last ones known, the defaults before. `settled`:
 * resolves when those of the last `load` are here, cannot be had, or have not come within PATIENCE;
 * then the service itself refuses what it does not take. `refresh` asks again and lets nobody wait.
 */
export function createFacts(client, { onKnown, onProblem }) {
  let last;
  const facts = {
    now: factsOf(null),
    settled: Promise.resolve(),
    refresh() {
      const asked = client.version().then(
        (version) => asked === last && onKnown((facts.now = factsOf(version))),
        (error) => asked === last && onProblem(error),
      );
      last = asked;
      return asked;
    },
    load() {
      const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE));
      facts.settled = Promise.race([facts.refresh(), patience]);
    },
  };
  return facts;
}
