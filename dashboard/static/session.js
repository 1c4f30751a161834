// When the server lets this page's socket in no more, the session has ended: ask for the page anew, which leads to the
// login. A server that is merely away answers nothing, and the page goes on waiting for it.
(() => {
  "use strict";
  let asking = false;
  const ask = async () => {
    if (asking) return;
    asking = true;
    try {
      // It shows the form to strangers only, says why to who is not let in, and sends everyone else on.
      const answer = await fetch("/login", { redirect: "manual", cache: "no-store" });
      if (answer.ok || answer.status === 403) location.reload();
    } catch {
      // The server is away.
    } finally {
      asking = false;
    }
  };
  const listen = () => (window.socket ? window.socket.on("connect_error", ask) : setTimeout(listen, 200));
  listen();
})();
