/** Every word of the sign-in page. */

export const GATE = {
  console: "Operator console",
  title: "Sign in",
  email: "E-mail",
  password: "Password",
  company: "Company",
  companyHint: "This e-mail works for several companies.",
  submit: "Sign in",
  submitting: "Signing in…",
  checking: "One moment…",
  ended: "Your session has ended. Sign in again to go on.",
  left: "You are signed out.",
  unreachable: "The server cannot be reached.",
  unreachableHint: "This page tries again by itself every few seconds.",
  tryNow: "Try now",
  foot: "Accounts are made by your administrator.",
  missing: "Enter your e-mail and your password.",
  wrong: "E-mail or password is wrong.",
  locked: (left: string) => `Too many wrong tries. You can try again in ${left}.`,
  later: "Too many tries. Wait a few minutes, then try again.",
  unlocked: "You can try again now.",
  tooMany: (left: string) => `Too many tries from here. Try again in ${left}.`,
  offline: "You are offline, or the server cannot be reached. Nothing was sent. Try again.",
  timeout: "The server did not answer in time. Try again.",
  broken: "The server has a problem. Try again in a moment.",
  other: (detail: string) => detail || "That did not work. Try again.",
};

/** `90` as `1:30 min`, `40` as `40 s`. */
export function countdown(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} min`;
}
