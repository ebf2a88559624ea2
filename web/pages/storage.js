// What stays in this browser; where there is no storage, it lasts as long as the page.

const memory = new Map();

export const storage = {
  get: (name) => { try { return localStorage.getItem(name); } catch { return memory.get(name) ?? null; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { memory.set(name, value); } },
  remove: (name) => { try { localStorage.removeItem(name); } catch { memory.delete(name); } },
};
