"""The pages of the statistics: figures of closed days as tables and charts, printed and exported."""
