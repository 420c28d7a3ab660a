// The way in, when the server asks for a key.
import { type FormEvent, useEffect, useRef, useState } from "react";
import { logIn } from "../state/session";
import { CopyLine } from "../ui/empty";
import { Logo } from "../ui/icons";

const MAKE = "behaviorlens key create --kind read --name me";

export function Login() {
  const [said, setSaid] = useState("");
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    document.title = "Log in · BehaviorLens";
    field.current?.focus();
  }, []);

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    const key = field.current?.value.trim() ?? "";
    if (!key) {
      setSaid("Enter a token.");
      field.current?.focus();
      return;
    }
    setBusy(true);
    try {
      await logIn(key);
    } catch (error) {
      setSaid(error instanceof TypeError ? "The server does not answer." : error instanceof Error ? error.message : String(error));
      setBusy(false);
      field.current?.select();
    }
  }

  return (
    <main className="login">
      <form className="login-card" onSubmit={(event) => void submit(event)} aria-labelledby="login-title" noValidate>
        <div className="login-brand">
          <Logo />
          <h1 id="login-title">BehaviorLens</h1>
        </div>
        <label className="login-label" htmlFor="login-key">
          Read or admin token
        </label>
        <input
          ref={field}
          id="login-key"
          className="login-field"
          type="password"
          name="key"
          autoComplete="current-password"
          spellCheck={false}
          aria-invalid={said !== "" || undefined}
          aria-describedby={said ? "login-said" : undefined}
          onChange={() => setSaid("")}
        />
        <p id="login-said" className="login-said" role="alert">
          {said}
        </p>
        <button type="submit" className="button button-main login-go" aria-disabled={busy || undefined}>
          Log in
        </button>
        <p className="login-hint">Where the server runs, this makes one:</p>
        <CopyLine line={MAKE} />
      </form>
    </main>
  );
}
