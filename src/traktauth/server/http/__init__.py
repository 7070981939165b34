"""Hearing requests and giving answers, below any rule of OAuth."""
