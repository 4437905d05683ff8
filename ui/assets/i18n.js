// Every word of the interface, in one table, and the code that puts the words in place.

import { read, write } from "./preferences.js";

export const words = {
  en: {
    title: "Translate · csanmt",
    skip: "Skip to the text",
    history: "History",
    close: "Close",
    about: "About this model",
    interfaceLanguage: "Use the English interface",
    theme_auto: "Theme: automatic",
    theme_light: "Theme: light",
    theme_dark: "Theme: dark",

    sourcePlaceholder: "Type or paste {language} text, or drop a file here.",
    sourcePlaceholderTouch: "Type or paste {language} text here.",
    targetPlaceholder: "The translation appears here.",
    dropHere: "Drop the file here",
    openFile: "Open a file",
    paste: "Paste",
    clear: "Clear",
    copy: "Copy the translation",
    copied: "Copied",
    cleared: "Cleared",
    translateNow: "translate now",
    count: "{count} / {limit} characters",
    countOver: "{count} / {limit} characters, {over} too many",

    translating: "Translating…",
    translatingCount: "Translating… {count} of {total} sentences",
    tookSentences: "{count} sentences · {time}",
    milliseconds: "{value} ms",
    seconds: "{value} s",
    ready: "Translation ready, {count} sentences.",
    readyText: "Translation: {text}",
    truncatedSentence: "This sentence was too long for the model and is cut off here.",
    truncatedText: "some of it cut off",
    rememberedCount: "{count} from memory",
    rememberedSentence: "From the translation memory: a person translated this sentence.",
    memorySame: "From the translation memory",
    memorySimilar: "From the translation memory, {percent} % alike: {source}",
    sentenceHint: "Arrow keys move between sentences, Enter shows alternatives.",

    alternatives: "Alternatives",
    alternativesLoading: "Looking for alternatives…",
    alternativesNone: "The model has no other suggestion for this sentence.",
    alternativesFailed: "The alternatives could not be fetched.",
    alternativeChosen: "Replaced with: {text}",

    glossary: "Glossary",
    glossaryCount: "Glossary, {count} in use",
    glossaryExplained: "Where the text has the left side, the translation has the right one. Kept in this browser. Rows can be pasted from a table.",
    useGlossary: "Use the glossary",
    termSource: "Term",
    termTarget: "Its translation",
    termTwice: "This term is above already; only the first is used.",
    deleteTerm: "Delete this term",
    deletedTerm: "Term deleted.",
    pastedTerms: "{count} terms added.",

    historyEmpty: "Nothing here yet. What you translate is kept in this browser only.",
    keepHistory: "Keep history",
    deleteAll: "Delete all",
    deleteAllSure: "Really delete all?",
    deleteEntry: "Delete this entry",
    deletedEntry: "Entry deleted.",
    deletedAll: "History deleted.",

    privacy: "Your text goes to this server only. History stays in this browser.",
    apiDocs: "API documentation",
    fact_model: "Model",
    fact_digest: "Digest",
    fact_engine: "Engine",
    fact_bento: "Bento",
    fact_isa: "Instructions",
    fact_commit: "Commit",
    fact_beam: "Beam width",
    fact_length_penalty: "Length penalty",
    fact_latency: "Last answer",
    latencyParts: "{total}, of which {server} on the server",
    aboutUnknown: "The service did not say.",

    retry: "Try again",
    retryIn: "Trying again in {seconds} s",
    offline: "You are offline",
    offlineDetail: "The text is kept. It will be translated when the connection is back.",
    unreachable: "The service cannot be reached",
    unreachableDetail: "It may be restarting. The text is kept.",
    interrupted: "The connection broke midway",
    interruptedDetail: "What has arrived is shown; the rest is missing.",
    timeout: "This took too long",
    timeoutDetail: "The service gave up on it. A shorter text is more likely to get through.",
    overloaded: "Many people are translating right now",
    overloadedDetail: "The service asked to wait a moment.",
    rateLimited: "You have used up your share for now",
    rateLimitedDetail: "The service limits how much one user may send in a while.",
    unavailable: "The service is not ready",
    unavailableDetail: "It is starting or being updated.",
    tooLong: "The text is too long",
    tooLongDetail: "Up to {limit} characters fit at once. Please shorten it or translate it in parts.",
    tooLongUnknown: "Please shorten it or translate it in parts.",
    key: "This service needs a key",
    keyDetail: "The key is missing or not accepted. It is kept in this tab only.",
    keyLabel: "API key",
    keyUse: "Use this key",
    invalid: "The service did not accept this text",
    invalidDetail: "It may hold characters that are not text.",
    failed: "Something went wrong on the server",
    failedDetail: "This is a fault of the service, not of your text.",
    requestId: "Request {id}",

    pasteDenied: "The browser did not allow reading the clipboard. Press Ctrl+V or ⌘V in the text.",
    fileKind: "Only text files (.txt, .md) and documents (Word, PowerPoint, Excel, OpenDocument, EPUB, HTML, subtitles, lyrics, tables, .po, .xliff, .json) can be opened.",
    document: "Document",
    documentSending: "Sending {name}…",
    documentTranslating: "Translating… {percent}",
    documentProgress: "Progress of the translation",
    documentReady: "{name} is ready.",
    documentDone: "Translated",
    documentSave: "Save",
    documentCancel: "Cancel",
    documentFailed: "The document was not translated",
    refused_bad_document: "The file cannot be read.",
    refused_document_too_large: "The document is too large.",
    refused_unsupported_document: "Files of this type cannot be translated.",
    refused_document_lost: "The service was started again and has lost the document. Please open it once more.",
    refused_storage_full: "The server has no room for the document at the moment.",
    documentLeft: "Stays in Chinese: {list}.",
    listSeparator: ", ",
    left_text: "texts",
    left_code: "code",
    left_marked: "texts marked as not to be translated",
    left_attributes: "attributes",
    left_keys: "keys",
    left_formulas: "formulas and their results",
    left_named: "cells that formulas, filters or lists name",
    left_names: "names of sheets, columns and ranges",
    left_number_formats: "number formats",
    left_charts: "texts of charts",
    left_images: "texts in images",
    left_embedded: "embedded documents",
    left_properties: "properties of the document",
    left_fuzzy: "fuzzy entries",
    fileUnreadable: "This file holds no readable text.",
  },
  zh: {
    title: "翻译 · csanmt",
    skip: "跳到文本",
    history: "历史记录",
    close: "关闭",
    about: "关于此模型",
    interfaceLanguage: "使用中文界面",
    theme_auto: "主题：跟随系统",
    theme_light: "主题：浅色",
    theme_dark: "主题：深色",

    sourcePlaceholder: "输入或粘贴{language}文本，也可以把文件拖到这里。",
    sourcePlaceholderTouch: "在这里输入或粘贴{language}文本。",
    targetPlaceholder: "译文将显示在这里。",
    dropHere: "把文件放在这里",
    openFile: "打开文件",
    paste: "粘贴",
    clear: "清空",
    copy: "复制译文",
    copied: "已复制",
    cleared: "已清空",
    translateNow: "立即翻译",
    count: "{count} / {limit} 字符",
    countOver: "{count} / {limit} 字符，超出 {over}",

    translating: "正在翻译…",
    translatingCount: "正在翻译…已完成 {count} / {total} 句",
    tookSentences: "{count} 句 · {time}",
    milliseconds: "{value} 毫秒",
    seconds: "{value} 秒",
    ready: "翻译完成，共 {count} 句。",
    readyText: "译文：{text}",
    truncatedSentence: "这句话对模型来说太长，译文在此被截断。",
    truncatedText: "部分译文被截断",
    rememberedCount: "{count} 句来自翻译记忆",
    rememberedSentence: "来自翻译记忆：此句由人工翻译。",
    memorySame: "来自翻译记忆",
    memorySimilar: "来自翻译记忆，相似度 {percent}%：{source}",
    sentenceHint: "方向键在句子之间移动，回车键显示其他译法。",

    alternatives: "其他译法",
    alternativesLoading: "正在查找其他译法…",
    alternativesNone: "模型对这句话没有其他建议。",
    alternativesFailed: "无法获取其他译法。",
    alternativeChosen: "已替换为：{text}",

    glossary: "术语表",
    glossaryCount: "术语表，使用中 {count} 条",
    glossaryExplained: "原文出现左边的词时，译文使用右边的词。只保存在此浏览器中，可从表格粘贴多行。",
    useGlossary: "使用术语表",
    termSource: "术语",
    termTarget: "译法",
    termTwice: "上面已有此术语，只使用第一条。",
    deleteTerm: "删除此术语",
    deletedTerm: "已删除此术语。",
    pastedTerms: "已添加 {count} 条术语。",

    historyEmpty: "暂无记录。翻译过的内容只保存在此浏览器中。",
    keepHistory: "保存历史记录",
    deleteAll: "全部删除",
    deleteAllSure: "确定全部删除？",
    deleteEntry: "删除此条",
    deletedEntry: "已删除此条。",
    deletedAll: "历史记录已删除。",

    privacy: "文本只发送到本服务器，历史记录只保存在此浏览器中。",
    apiDocs: "API 文档",
    fact_model: "模型",
    fact_digest: "摘要",
    fact_engine: "引擎",
    fact_bento: "Bento",
    fact_isa: "指令集",
    fact_commit: "提交",
    fact_beam: "束宽",
    fact_length_penalty: "长度惩罚",
    fact_latency: "上次翻译",
    latencyParts: "共 {total}，其中服务器 {server}",
    aboutUnknown: "服务未提供信息。",

    retry: "重试",
    retryIn: "{seconds} 秒后重试",
    offline: "网络已断开",
    offlineDetail: "文本已保留，连接恢复后会自动翻译。",
    unreachable: "无法连接到服务",
    unreachableDetail: "服务可能正在重启。文本已保留。",
    interrupted: "连接中途断开",
    interruptedDetail: "已显示收到的部分，其余缺失。",
    timeout: "翻译超时",
    timeoutDetail: "服务已放弃此次翻译，较短的文本更容易成功。",
    overloaded: "当前使用人数较多",
    overloadedDetail: "服务请您稍候片刻。",
    rateLimited: "您的用量暂时已满",
    rateLimitedDetail: "服务限制每位用户在一段时间内的用量。",
    unavailable: "服务尚未就绪",
    unavailableDetail: "服务正在启动或更新。",
    tooLong: "文本过长",
    tooLongDetail: "一次最多 {limit} 字符，请缩短或分段翻译。",
    tooLongUnknown: "请缩短或分段翻译。",
    key: "此服务需要密钥",
    keyDetail: "缺少密钥或密钥无效。密钥只保存在此标签页中。",
    keyLabel: "API 密钥",
    keyUse: "使用此密钥",
    invalid: "服务未接受此文本",
    invalidDetail: "其中可能含有非文本字符。",
    failed: "服务器出错",
    failedDetail: "这是服务的故障，与您的文本无关。",
    requestId: "请求编号 {id}",

    pasteDenied: "浏览器不允许读取剪贴板，请在文本框中按 Ctrl+V 或 ⌘V。",
    fileKind: "只能打开文本文件（.txt、.md）和文档（Word、PowerPoint、Excel、OpenDocument、EPUB、HTML、字幕、歌词、表格、.po、.xliff、.json）。",
    document: "文档",
    documentSending: "正在发送 {name}…",
    documentTranslating: "正在翻译…{percent}",
    documentProgress: "翻译进度",
    documentReady: "{name} 已翻译完成。",
    documentDone: "已翻译",
    documentSave: "保存",
    documentCancel: "取消",
    documentFailed: "文档未能翻译",
    refused_bad_document: "无法读取此文件。",
    refused_document_too_large: "文档过大。",
    refused_unsupported_document: "不支持此类型的文件。",
    refused_document_lost: "服务已重新启动，文档已丢失，请重新打开。",
    refused_storage_full: "服务器暂时没有空间存放此文档。",
    documentLeft: "仍为中文的内容：{list}。",
    listSeparator: "、",
    left_text: "文本",
    left_code: "代码",
    left_marked: "标记为不翻译的文本",
    left_attributes: "属性",
    left_keys: "键名",
    left_formulas: "公式及其结果",
    left_named: "被公式、筛选或列表引用的单元格",
    left_names: "工作表、列和区域的名称",
    left_number_formats: "数字格式",
    left_charts: "图表中的文字",
    left_images: "图片中的文字",
    left_embedded: "嵌入的文档",
    left_properties: "文档属性",
    left_fuzzy: "待核对的条目",
    fileUnreadable: "此文件中没有可读的文本。",
  },
};

const HTML_LANG = { en: "en", zh: "zh-CN" };
let language = pickLanguage();
const listeners = new Set();

function pickLanguage() {
  const wanted = read("language") ?? navigator.languages?.[0] ?? "en";
  return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const currentLanguage = () => language;
export const otherLanguage = () => (language === "zh" ? "en" : "zh");

/** The word for `key`, with `{name}` replaced by `values.name`. */
export function t(key, values = {}, inLanguage = language) {
  const template = words[inLanguage][key] ?? words.en[key];
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export const number = (value, options) =>
  new Intl.NumberFormat(HTML_LANG[language], options).format(value);

/** A duration for the eye: "85 ms", "1.2 s". */
export function duration(inSeconds) {
  if (inSeconds < 1) return t("milliseconds", { value: number(Math.round(inSeconds * 1000)) });
  return t("seconds", { value: number(inSeconds, { maximumFractionDigits: 1 }) });
}

/** "Chinese" or 中文 for "zh", as the interface's language calls it. */
export function languageName(code) {
  return new Intl.DisplayNames([HTML_LANG[language]], { type: "language" }).of(code);
}

export function useLanguage(code) {
  language = code;
  write("language", code);
  applyWords();
}

/** Calls `listener` now and whenever the language changes. */
export function onLanguage(listener) {
  listeners.add(listener);
  listener();
}

/** Fills every element with `data-i18n` (its text) or `data-i18n-label` (its name and tooltip). */
export function applyWords(root = document) {
  document.documentElement.lang = HTML_LANG[language];
  document.title = t("title");
  for (const node of root.querySelectorAll("[data-i18n]")) node.textContent = t(node.dataset.i18n);
  for (const node of root.querySelectorAll("[data-i18n-label]")) label(node, t(node.dataset.i18nLabel));
  for (const listener of listeners) listener();
}

/** Names an icon button for the ear and for the mouse. */
export function label(node, text) {
  node.setAttribute("aria-label", text);
  node.title = text;
}
