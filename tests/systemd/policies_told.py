"""What Chromium itself says of the policies it found, by its own page about them; prints JSON: status by name.

Runs where test_policies.py made an /etc/chromium for it.
"""

import json

from playwright.sync_api import Page, sync_playwright

# Name, value, source, applies to, level, status: as the rows of the page's tables show them.
ROWS = """() => {
  const found = {};
  const walk = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (!element.shadowRoot) continue;
      const row = element.shadowRoot;
      if (element.localName === "policy-row" && row.querySelector(".source")?.textContent.trim())
        found[row.querySelector(".name").textContent.trim()] = row.querySelector(".messages").textContent.trim();
      walk(row);
    }
  };
  walk(document);
  return found;
}"""


def told(page: Page) -> dict[str, str]:
    """As soon as the page has its tables."""
    page.goto("chrome://policy")
    page.wait_for_function(f"Object.keys(({ROWS})()).length > 0")
    return dict(page.evaluate(ROWS))


if __name__ == "__main__":
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        print(json.dumps(told(browser.new_page())))
        browser.close()
