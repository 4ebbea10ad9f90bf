/** Express's last middleware: it answers with the status of an error, and prints nothing. */
export function answerError(error, _req, res, _next) {
  res.status(error.status ?? 500).end()
}
