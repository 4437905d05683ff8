"""Documents over HTTP: uploads, the jobs that translate them, and the routes of three APIs."""
