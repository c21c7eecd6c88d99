// An MCP Apps view: says that it is there, and how large it is; it asks its host for nothing else.
const post = (message) => parent.postMessage({jsonrpc: "2.0", ...message}, "*");
function size() {
  const {scrollWidth: width, scrollHeight: height} = document.documentElement;
  post({method: "ui/notifications/size-changed", params: {width, height}});
}
addEventListener("message", ({data, source}) => {
  if (source !== parent || data?.id !== 1 || !data.result) return;
  post({method: "ui/notifications/initialized", params: {}});
  new ResizeObserver(size).observe(document.body);
});
const appInfo = {name: "autoagent-report", version: "1"};
post({id: 1, method: "ui/initialize", params: {protocolVersion: "2026-01-26", appInfo, appCapabilities: {}}});
