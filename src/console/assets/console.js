// What every page needs: the switch between light and dark.

const root = document.documentElement;

document.addEventListener('click', event => {
  if (!event.target.closest('[data-theme-switch]')) return;
  const isDark = root.dataset.theme
    ? root.dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = isDark ? 'light' : 'dark';
  // biome-ignore lint/suspicious/noDocumentCookie: the server paints the next page with it, so that nothing flashes
  document.cookie = `theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=strict`;
});

document.addEventListener('click', async event => {
  const button = event.target.closest('[data-copy]');
  if (!button) return;
  await copy(button.closest('.command').querySelector('pre'));
  const before = button.textContent;
  button.textContent = 'Copied';
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
});

async function copy(element) {
  if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
  // Browsers have a clipboard for pages of this machine or of TLS; for others there is what is selected.
  getSelection().selectAllChildren(element);
  document.execCommand('copy');
}
