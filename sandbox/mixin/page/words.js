// Every label of the page, in English and Chinese.
const WORDS = {
  en: {
    skip: "Skip to the message box", title: "MrMarket", subtitle: "Sandbox: offline Mixin, play coins", people: "You are", wallet: "Wallet",
    offline: "Everything here runs on this machine. No real money moves.", messages: "Messages", write: "Message", send: "Send",
    transfer: "Send coins", welcome: "Say hello, and the bot will show you what it can do.", hi: "Say hi", hiText: "Hi",
    toEnd: "To the newest message", online: "Connected", offlineState: "Reconnecting…", botLine: (n) => `Bot · ${n}`,
    payTitle: "Pay", transferTitle: "Send coins", to: "To", asset: "Coin", amount: "Amount", memo: "Memo", memoHint: "optional", balance: (b) => `Balance ${b}`,
    confirm: "Confirm", cancel: "Cancel", close: "Close", done: "Done", paid: "Paid", alreadyPaid: "This link was already paid", alreadyPaidHelp: "A payment link works once. Ask the bot for a new one.",
    short: "Not enough balance", paying: "Paying…", free: "No network fee", received: "Received", sent: "Sent", transferOf: (s) => `${s} transfer`,
    recalled: "This message was recalled", recalledMine: "You recalled a message", unknown: (c) => `Message of kind ${c}`, file: "File", openTab: "Open in a new tab", opened: "Opened in a new tab", blocked: "Allow pop-ups to open this page",
    read: "Read", delivered: "Delivered", today: "Today", worthless: "No coins yet", roles: { owner: "runs the bot" }, failed: (r) => `Not done: ${r}`, network: "Network", unpriced: "unknown token", image: "Image from the bot",
  },
  zh: {
    skip: "跳到输入框", title: "MrMarket", subtitle: "沙盒：离线 Mixin，练习币", people: "当前身份", wallet: "钱包",
    offline: "一切都在本机运行，不涉及真实资金。", messages: "消息", write: "发消息", send: "发送",
    transfer: "转账", welcome: "打个招呼，机器人会告诉你它能做什么。", hi: "打招呼", hiText: "你好",
    toEnd: "回到最新消息", online: "已连接", offlineState: "正在重连…", botLine: (n) => `机器人 · ${n}`,
    payTitle: "支付", transferTitle: "转账", to: "收款人", asset: "币种", amount: "数量", memo: "备注", memoHint: "选填", balance: (b) => `余额 ${b}`,
    confirm: "确认", cancel: "取消", close: "关闭", done: "完成", paid: "支付成功", alreadyPaid: "此链接已支付", alreadyPaidHelp: "每个支付链接只能用一次，请向机器人索取新的链接。",
    short: "余额不足", paying: "支付中…", free: "免网络手续费", received: "收到", sent: "转出", transferOf: (s) => `${s} 转账`,
    recalled: "此消息已撤回", recalledMine: "你撤回了一条消息", unknown: (c) => `${c} 类型的消息`, file: "文件", openTab: "在新标签页打开", opened: "已在新标签页打开", blocked: "请允许弹出窗口以打开此页面",
    read: "已读", delivered: "已送达", today: "今天", worthless: "暂无资产", roles: { owner: "机器人主人" }, failed: (r) => `未完成：${r}`, network: "网络", unpriced: "未知代币", image: "机器人发来的图片",
  },
};

let language = "en";

export const speak = (wanted) => {
  language = wanted === "zh" ? "zh" : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const [attribute, set] of [
    ["words", (node, text) => { node.textContent = text; }],
    ["words-label", (node, text) => { node.setAttribute("aria-label", text); node.title = text; }],
    ["words-placeholder", (node, text) => { node.placeholder = text; }],
  ]) {
    for (const node of document.querySelectorAll(`[data-${attribute}]`)) set(node, say(node.getAttribute(`data-${attribute}`)));
  }
};

export const spoken = () => language;

export const say = (key, ...facts) => {
  const word = WORDS[language][key];
  return typeof word === "function" ? word(...facts) : word;
};

export const role = (name) => WORDS[language].roles[name.toLowerCase()] ?? "";
