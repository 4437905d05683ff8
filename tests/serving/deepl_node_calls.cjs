// Calls DeepL's own client for Node, unmodified, and prints what it got as one line of JSON.
// Arguments: folder that holds node_modules, address of the server, key.
const [, , folder, serverUrl, key] = process.argv;
const deepl = require(`${folder}/node_modules/deepl-node`);

const quick = { serverUrl, maxRetries: 0, minTimeout: 60000 };
const client = new deepl.DeepLClient(key, quick);

/** The name of the error a call ends with, and its words. */
async function refusal(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return [error.constructor.name, error.message];
  }
}

/** A multilingual glossary through all of its life, and one of a single direction. */
async function glossaries() {
  const entries = new deepl.GlossaryEntries({ entries: { 上海: "Shanghai" } });
  const dictionary = { sourceLangCode: "zh", targetLangCode: "en", entries };
  const more = { ...dictionary, entries: new deepl.GlossaryEntries({ entries: { 北京: "Beijing" } }) };
  const made = await client.createMultilingualGlossary("cities", [dictionary]);
  const id = made.glossaryId;
  const updated = await client.updateMultilingualGlossaryDictionary(id, more);
  const found = await client.getMultilingualGlossaryDictionaryEntries(id, "zh", "en");
  const named = await client.updateMultilingualGlossaryName(id, "towns");
  const forced = await client.translateText("北京。", "zh", "en-US", { glossary: id });
  const replaced = await client.replaceMultilingualGlossaryDictionary(id, dictionary);
  const csv = await client.createMultilingualGlossaryWithCsv("csv", "zh", "en", "苹果,apple\n");
  const listed = (await client.listMultilingualGlossaries()).map((one) => one.name).sort();
  await client.deleteMultilingualGlossaryDictionary(id, "zh", "en");
  await client.deleteMultilingualGlossary(id);
  await client.deleteMultilingualGlossary(csv.glossaryId);
  const single = await client.createGlossary("one", "zh", "en", entries);
  const terms = (await client.getGlossaryEntries(single)).entries();
  await client.deleteGlossary(single);
  return {
    counts: [made, updated].map((one) => one.dictionaries[0].entryCount),
    replaced: replaced.entryCount,
    found: found.entries.entries(),
    names: [named.name, listed],
    forced: forced.text,
    terms,
    left: (await client.listMultilingualGlossaries()).length,
    missing: await refusal(() => client.getMultilingualGlossary(id)),
  };
}

async function main() {
  const one = await client.translateText("你好世界", null, "en-US");
  const many = await client.translateText(["早上好。", "谢谢！"], "zh", "en-GB", {
    splitSentences: "nonewlines",
    preserveFormatting: true,
    formality: "prefer_more",
    modelType: "latency_optimized",
    context: "问候",
    extraRequestParameters: { "my-extra-parameter": "my-extra-value" },
  });
  const usage = await client.getUsage();
  const glossary = await glossaries();
  const stranger = new deepl.DeepLClient("wrong", quick);
  return {
    one,
    many,
    glossary,
    usage: [usage.character.count, usage.character.limit, usage.toString()],
    source: await client.getSourceLanguages(),
    target: await client.getTargetLanguages(),
    stranger: await refusal(() => stranger.getUsage()),
    language: await refusal(() => client.translateText("你好", null, "de")),
    sentences: await refusal(() =>
      client.translateText("你好", null, "en-US", { splitSentences: "invalid" })),
    formality: await refusal(() =>
      client.translateText("你好", null, "en-US", { formality: "more" })),
    rephrase: await refusal(() => client.rephraseText("Hi", "en-US")),
    quota: await refusal(() => client.translateText("长".repeat(199), null, "en-US")),
  };
}

main().then(
  (result) => console.log(JSON.stringify(result)),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
