// What GET /version says about the service, with defaults for what it leaves open.

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
