"""The web pages: what an account admin and an auditor open every day. Rules are asked, as the admin API asks them."""
