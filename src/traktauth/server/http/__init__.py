"""HTTP requests and responses, without any rule of OAuth."""
