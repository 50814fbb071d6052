// Defines <naru-lab lab="01"> (and <naru-live>): a small classic script, because books load their scripts that way.
//
// The element shows its own static content until it comes near the window, then loads the module once for all elements of the
// page. Everything lives in a shadow root: the book's style sheet and ours never meet. Without WebAssembly, on paper and
// without scripts the static content stays.
(() => {
  if (customElements.get('naru-lab')) return;
  const here = document.currentScript ? document.currentScript.src : document.baseURI;
  const base = new URL('.', here).href;
  const file = (name) => new URL(name, base).href;
  const style = file('__NARU_CSS__');
  const darkBooks = ['coal', 'navy', 'ayu'];
  const bookThemes = ['light', 'rust', ...darkBooks];
  const html = document.documentElement;
  const inBook = () => bookThemes.some((name) => html.classList.contains(name));
  const saved = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const save = (key, value) => { try { localStorage.setItem(key, value); } catch { /* a private window: forgotten on reload */ } };
  const parameters = new URLSearchParams(location.search);

  const language = () =>
    (inBook() ? html.lang : null) || parameters.get('lang') || saved('naru-lang') || navigator.language || 'en';

  const prefersDark = matchMedia('(prefers-color-scheme: dark)');
  const theme = () => {
    if (inBook()) return darkBooks.some((name) => html.classList.contains(name)) ? 'dark' : 'light';
    return saved('naru-theme') || (prefersDark.matches ? 'dark' : 'light');
  };
  const elements = new Set();
  const applyTheme = () => {
    const now = theme();
    if (!inBook()) html.dataset.theme = now;
    for (const element of elements) element.dataset.theme = now;
  };
  new MutationObserver(applyTheme).observe(html, { attributes: true, attributeFilter: ['class'] });
  prefersDark.addEventListener('change', applyTheme);

  // Lets the page breathe between two pieces of work: a browser compiles functions when they are first called, so that
  // instantiating and mounting in one go would hold it up for a fifth of a second.
  const breathe = () => new Promise((done) => setTimeout(done));

  // The module is compiled once; the Worker gets the compiled module, so that starting one again is cheap.
  let loading;
  const load = () => {
    loading ??= (async () => {
      const compiled = await WebAssembly.compileStreaming(fetch(file('__NARU_WASM__')));
      const module = await import(file('__NARU_JS__'));
      await breathe();
      await module.default({ module_or_path: compiled });
      return { module, compiled };
    })();
    return loading;
  };
  const spawn = (compiled, lab) => () => {
    const worker = new Worker(file('__NARU_WORKER__'), { type: 'module' });
    worker.postMessage({ js: file('__NARU_JS__'), compiled, lab });
    return worker;
  };

  // Each lab is a file of its own: by number, by name, or by both.
  const labs = __NARU_LABS__;
  const labFile = (name) => Object.entries(labs).find(([number, file]) =>
    Number(name) === Number(number) || file.startsWith(`labs/${name}-`) || file.startsWith(`labs/${number}-${name}-`))?.[1];

  const sorry = {
    wasm: ['This lab needs WebAssembly, which this browser does not offer or has switched off. The picture shows what it would play.',
      '이 실습에는 WebAssembly가 필요한데, 이 브라우저에는 없거나 꺼져 있습니다. 아래는 실습이 보여 줄 내용입니다.'],
    file: ['This lab cannot run from a file. Open the page through a web server: `mdbook serve book`.',
      '이 실습은 파일로 연 페이지에서는 실행할 수 없습니다. 웹 서버로 여세요: `mdbook serve book`.'],
    load: ['The lab could not be loaded. Reload the page to try again.', '실습을 불러오지 못했습니다. 페이지를 새로 고쳐 다시 해 보세요.'],
    none: ['There is no lab with this number.', '이 번호의 실습이 없습니다.'],
    wait: ['Loading the lab…', '실습을 불러오고 있습니다…'],
  };
  const say = (key) => sorry[key][language().startsWith('ko') ? 1 : 0];

  class NaruElement extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      const shadow = this.attachShadow({ mode: 'open' });
      shadow.innerHTML =
        `<style>:host{display:block}:host([ready]) slot,.root{display:none}:host([ready]) .root{display:block}` +
        `.note{font:14px/1.5 system-ui,sans-serif;padding:8px 12px;border:1px solid;border-radius:8px;margin:0 0 8px}` +
        `@media print{:host([ready]) .root{display:none}:host([ready]) slot{display:block}}</style>` +
        `<link rel="stylesheet" href="${style}"><p class="note" role="status" hidden></p><slot></slot><div class="root"></div>`;
      this.styles = new Promise((done) => { const link = shadow.querySelector('link'); link.onload = link.onerror = done; });
      elements.add(this);
      this.toggleAttribute('book', inBook());
      applyTheme();
      if (typeof WebAssembly !== 'object') return this.note('wasm');
      if (location.protocol === 'file:') return this.note('file');
      this.watcher = new IntersectionObserver((seen) => { if (seen.some((it) => it.isIntersecting)) this.start(); },
        { rootMargin: '500px' });
      this.watcher.observe(this);
    }
    note(key) {
      const note = this.shadowRoot.querySelector('.note');
      note.hidden = key === null;
      note.textContent = key === null ? '' : say(key);
    }
    async start() {
      this.watcher.disconnect();
      this.note('wait');
      let loaded, lab;
      try {
        [loaded, lab] = await Promise.all([load(), this.description(), this.styles]);
      } catch (error) {
        console.error(error);
        return this.note('load');
      }
      if (lab === undefined) return this.note('none');
      const { module, compiled } = loaded;
      await breathe();
      const root = this.shadowRoot.querySelector('.root');
      this.mounted = this.mount(module, root, {
        lab,
        lang: language(),
        fragment: this.hasAttribute('full') ? location.hash : '',
        page: file('lab.html'),
        sources: file('__NARU_SOURCES__'),
        events: new URL(this.getAttribute('events') ?? '/api/events', location.href).href,
        spawn: spawn(compiled, lab),
        toggleTheme: inBook() ? undefined : () => { save('naru-theme', theme() === 'dark' ? 'light' : 'dark'); applyTheme(); },
      });
      this.note(this.mounted ? null : 'none');
      this.toggleAttribute('ready', Boolean(this.mounted));
    }
    /// What the lab is, as text; undefined if there is none.
    async description() {
      const name = labFile(this.getAttribute('lab') ?? '');
      if (!name) return undefined;
      const answer = await fetch(file(name));
      if (!answer.ok) throw new Error(`${answer.status}: ${answer.url}`);
      return answer.text();
    }
    mount(module, root, options) { return module.mount_lab(root, options); }
  }
  class NaruLive extends NaruElement {
    async description() { return ''; }
    mount(module, root, options) { return module.mount_live(root, options); }
  }
  customElements.define('naru-lab', NaruElement);
  customElements.define('naru-live', NaruLive);
})();
